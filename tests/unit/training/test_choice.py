"""Which machine, in which zone, an attempt of a training with a deadline gets."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from blocks.workload import best_interval
from tasks.spot.situation import Action
from tasks.training.spec import SpotSpec
from tasks.training.weight import newest_gigabytes
from tests.unit.training.choosers import chooser_of_zones

HOUR = 3600.0


@pytest.fixture
def machine(tmp_path: Path) -> LocalMachine:
    return LocalMachine(workspace=tmp_path / "workspace")


@pytest.mark.parametrize(("size", "moved"), [(0.0, True), (5000.0, False)])
def test_a_checkpoint_is_moved_to_another_zone_only_where_that_is_cheap(
    machine: LocalMachine, size: float, moved: bool
) -> None:
    chooser = chooser_of_zones(machine)
    first = chooser.choose(0.0)
    chooser.took(first)
    chooser.weighs(size)
    chooser.lived(first, 0.1, lost=True, passed=0.2)
    decision = chooser.choose(0.2).decision
    assert (decision.action is Action.SPOT) is moved  # else it waits for the zone to be back


@pytest.mark.parametrize("cheap", ["a", "b"])
def test_of_zones_that_are_alike_the_cheaper_one_is_taken(
    machine: LocalMachine, cheap: str
) -> None:
    rates = {"on_demand": "1", "spot": "0.4", "spot_by_zone": {cheap: "0.3"}}
    book = {"currency": "USD", "source": "a test", "as_of": "2026-10-01"}
    machine.workspace.mkdir()
    (machine.workspace / "prices.json").write_text(
        json.dumps({**book, "machines": {"local.medium": rates}})
    )
    choice = chooser_of_zones(machine).choose(0.0)
    assert (choice.zone, choice.spot) == (cheap, True)


@pytest.mark.parametrize("minutes", [1, 20])
def test_what_a_lost_machine_had_not_saved_is_reckoned_with_however_slow_saves_are(
    machine: LocalMachine, minutes: int
) -> None:
    """Lost just before a save ends, as late as spot may be kept: on-demand is still in time."""
    save, work, launch = timedelta(minutes=minutes), 5.0, 5 / 60
    chooser = chooser_of_zones(machine, save=save, zones=())
    every = best_interval(save.total_seconds(), HOUR / chooser.spot.interruptions_per_hour)
    undone = (every + save.total_seconds()) / HOUR
    first = chooser.choose(0.0)
    chooser.took(first)
    passed, progress = 0.0, 0.0
    while chooser.may_stay(first, passed) and progress < 0.7 * work:
        passed, progress = passed + 1 / 60, max(progress, passed - 3.0)  # a slow machine
        chooser.told(progress / work)
    chooser.set_back()
    left = work - max(progress - undone, 0.0)
    assert passed + launch + left <= 9.0
    after = chooser.choose(passed)
    latest = 9.0 - launch - left - 1 / 60
    assert after.decision.action is Action.ON_DEMAND or passed <= latest


def test_lifetimes_are_learnt_for_each_zone(machine: LocalMachine) -> None:
    chooser = chooser_of_zones(machine)
    first = chooser.choose(0.0)
    for _ in range(4):
        chooser.lived(first, 0.2, lost=True, passed=0.5)
    second = chooser.choose(1.0)
    assert first.zone != second.zone
    assert second.interruptions_per_hour == pytest.approx(first.interruptions_per_hour)
    chooser.took(second)
    learnt = chooser.policy.interruptions_per_hour(f"{first.zone}/local.medium")
    assert learnt > 1.2 * second.interruptions_per_hour


def test_the_newest_checkpoint_is_weighed(machine: LocalMachine) -> None:
    store = LocalStore(machine=machine)
    place = f"{store.root}/runs/r/checkpoints"
    assert newest_gigabytes(store, place) == 0
    for step, size in (("step-000000000009", 10), ("step-000000000010", 2000)):
        for file in ("a", "deep/b"):
            store.write(f"{place}/{step}/{file}", b"x" * size)
    store.write(f"{place}/index", b"xxx")
    assert newest_gigabytes(store, place) == pytest.approx(4000 / 1e9)


def test_a_deadline_asks_for_the_hours_of_work() -> None:
    with pytest.raises(ValidationError, match="expected_hours"):
        SpotSpec(deadline=timedelta(hours=5))
    with pytest.raises(ValidationError, match="even on-demand takes"):
        SpotSpec(deadline=timedelta(hours=5), expected_hours=5)
    with pytest.raises(ValidationError, match="give it a deadline"):
        SpotSpec(machines=("other",))
    with pytest.raises(ValidationError, match="give it a deadline"):
        SpotSpec(zones=("a",))
