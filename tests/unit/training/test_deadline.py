"""A training with a deadline on this machine's spot market: the policy decides each attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from pydantic import PrivateAttr

from blocks.contracts import ObjectInfo, OperationRef, Phase, Throttled, Unavailable
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from blocks.providers.local.market import Market, Supply
from blocks.providers.local.store import LocalStore
from blocks.providers.local.training import LocalTraining
from blocks.testing.models import make_model
from tasks.spot.situation import Action
from tasks.training.choice import Chooser
from tasks.training.report import TrainingReport
from tasks.training.spec import SpotSpec, TrainingSpec
from tasks.training.stage import train_model
from tasks.waiting import Pace
from tests.unit.training.choosers import chooser_of_zones

HOUR = 3600.0
TRAIN = """
import time
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    while job.attempt == 0 and job.text("stalls", ""):
        time.sleep(0.02)
        job.stop_if_noticed()
    found = job.checkpoints.latest()
    for step in range(found.step if found else 0, 20):
        time.sleep(0.05)
        job.progress(done=step + 1, of=20)
        with job.checkpoints.saving(step + 1) as folder:
            (folder / "step").write_text(str(step))
        job.stop_if_noticed()
    job.succeed(model=Path("model"), metrics={"rate": job.told.interruptions_per_hour or 0})
"""


class World:
    """A machine with a spot market, and code to train."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.machine = folder, LocalMachine(workspace=folder / "workspace")
        self.every = timedelta(seconds=0.2)  # between two looks
        self.code = folder / "code"
        self.code.mkdir()
        (self.code / "train.py").write_text(TRAIN)
        make_model(self.code / "model", kind="threshold")
        (folder / "data").mkdir()

    def jobs(self, trace: object = None) -> LocalTraining:
        if trace is None:
            return LocalTraining(machine=self.machine)
        file = self.folder / "trace.json"
        file.write_text(json.dumps(trace))
        return LocalTraining(machine=self.machine, market=Market(trace=file, notice=1.0))

    def zoned(self, **zones: object) -> LocalTraining:
        supply = {}
        for zone, trace in zones.items():
            file = self.folder / f"{zone}.json"
            file.write_text(json.dumps(trace))
            supply[zone] = Supply(trace=file)
        market = Market(zones=supply, notice=1.0)
        return LocalTraining(machine=self.machine, market=market)

    def train(
        self,
        jobs: LocalTraining,
        *,
        store: LocalStore | None = None,
        stalls: bool = False,
        **spot: object,
    ) -> TrainingReport:
        spec = TrainingSpec(
            source=self.code.as_uri(),
            parameters={"stalls": "1"} if stalls else {},
            machine="local.medium",
            spot=SpotSpec.model_validate(
                {
                    "expected_hours": 1 / HOUR,
                    "launch": timedelta(seconds=1),
                    "save": timedelta(seconds=0.1),
                    **spot,
                }
            ),
        )
        return train_model.fn(
            jobs,
            store or LocalStore(machine=self.machine),
            LocalPrices(machine=self.machine),
            spec,
            data_uri=(self.folder / "data").as_uri(),
            run="run-1",
            pace=Pace(every=self.every),
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for ref in world.jobs().refs():
        world.jobs().cancel(ref)


def test_with_time_to_spare_spot_is_taken_again_after_it_was_lost(world: World) -> None:
    """By the next look, that is; looks are so frequent here that it has come by then."""
    world.every = timedelta(seconds=0.001)
    report = world.train(world.jobs([0.5]), deadline=timedelta(minutes=10))
    assert [attempt.phase for attempt in report.attempts] == [Phase.INTERRUPTED, Phase.SUCCEEDED]
    assert [a.usage.spot for a in report.attempts if a.usage] == [True, True]
    told = report.table()[1]["decided"]
    assert "spot in local.medium costs least" in told
    assert "slack" in told


def test_without_time_to_lose_it_trains_on_demand(world: World) -> None:
    report = world.train(world.jobs(), deadline=timedelta(seconds=2))
    assert [a.usage.spot for a in report.attempts if a.usage] == [False]
    assert report.attempts[0].decision is not None
    assert "nothing else is sure" in report.attempts[0].decision.reason


def test_the_machine_that_costs_least_is_chosen_from_the_alternatives(world: World) -> None:
    jobs = world.jobs()
    report = world.train(jobs, deadline=timedelta(minutes=10), machines=("local.small",))
    assert report.attempts[0].usage is not None
    assert report.attempts[0].usage.machine == "local.small"


def test_where_spot_is_dry_it_waits_and_then_goes_on_demand_in_time(world: World) -> None:
    dry = {"gap_seconds": 1000, "data": [0]}
    report = world.train(world.jobs(dry), deadline=timedelta(seconds=4))
    assert [a.usage.spot for a in report.attempts if a.usage] == [False]
    full = world.jobs()  # a replay that finds spot again must not start a second job
    again = world.train(full, deadline=timedelta(seconds=4))
    assert [a.ref for a in again.attempts] == [a.ref for a in report.attempts]
    assert len(full.refs()) == 1


def test_a_run_done_again_does_what_was_decided_and_starts_nothing(world: World) -> None:
    jobs = world.jobs([0.5])
    first = world.train(jobs, deadline=timedelta(minutes=10))
    again = world.train(jobs, deadline=timedelta(minutes=10))
    assert [a.ref for a in again.attempts] == [a.ref for a in first.attempts]
    assert [a.decision for a in again.attempts] == [a.decision for a in first.attempts]
    assert len(jobs.refs()) == 2


def test_spot_that_comes_too_slowly_forward_is_left_in_time(world: World) -> None:
    jobs = world.jobs()
    report = world.train(jobs, stalls=True, deadline=timedelta(seconds=20))
    assert [attempt.phase for attempt in report.attempts] == [Phase.CANCELLED, Phase.SUCCEEDED]
    actions = [attempt.decision.action for attempt in report.attempts if attempt.decision]
    assert actions == [Action.SPOT, Action.ON_DEMAND]


class Unsteady(LocalStore):
    """Every third call meets a fault that passes."""

    _calls: Iterator[int] = PrivateAttr(default_factory=count)

    def _read(self, uri: str) -> bytes:
        self._stumble()
        return super()._read(uri)

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        self._stumble()
        return super()._write(uri, data, only_if_absent)

    def _stumble(self) -> None:
        if next(self._calls) % 3 == 0:
            raise Unavailable("the store is away")


class HardToStop(LocalTraining):
    """The first time that a job is to be stopped, nobody hears it."""

    _deaf: list[bool] = PrivateAttr(default_factory=lambda: [True])

    def _cancel(self, ref: OperationRef) -> None:
        if self._deaf:
            self._deaf.pop()
            raise Throttled("too many calls")
        super()._cancel(ref)


def test_faults_that_pass_while_a_job_is_watched_do_not_end_the_training(world: World) -> None:
    store, jobs = Unsteady(machine=world.machine), HardToStop(machine=world.machine)
    report = world.train(jobs, store=store, stalls=True, deadline=timedelta(seconds=20))
    assert [attempt.phase for attempt in report.attempts] == [Phase.CANCELLED, Phase.SUCCEEDED]


def test_the_job_is_told_the_rate_that_was_learnt(world: World) -> None:
    prices = LocalPrices(machine=world.machine)
    spot = SpotSpec(expected_hours=5, deadline=timedelta(hours=20))
    chooser = Chooser(TrainingSpec(source="s"), spot, prices, timedelta(minutes=1))
    first = chooser.choose(0.0)
    before = first.interruptions_per_hour
    for _ in range(4):
        chooser.lived(first, 0.5, lost=True, passed=1.0)
    assert chooser.choose(2.0).interruptions_per_hour > 1.2 * before
    report = world.train(world.jobs(), deadline=timedelta(minutes=10))
    assert report.result.metrics["rate"] == pytest.approx(before)


def decided(report: TrainingReport) -> list[str]:
    return [attempt.decision.zone for attempt in report.attempts if attempt.decision]


def test_a_zone_that_took_its_machine_back_is_left_for_another(world: World) -> None:
    first = chooser_of_zones(world.machine).choose(0.0).zone
    other = "b" if first == "a" else "a"
    jobs = world.zoned(**{first: [0.3, 0.3, 0.3], other: []})
    report = world.train(jobs, deadline=timedelta(minutes=10), zones=("a", "b"))
    assert sorted(decided(report)) == ["a/local.medium", "b/local.medium"]
    assert [attempt.phase for attempt in report.attempts] == [Phase.INTERRUPTED, Phase.SUCCEEDED]
    again = world.train(jobs, deadline=timedelta(minutes=10), zones=("a", "b"))
    assert [a.ref for a in again.attempts] == [a.ref for a in report.attempts]
    assert len(jobs.refs()) == 2


def test_where_one_zone_is_dry_another_is_taken_at_once(world: World) -> None:
    jobs = world.zoned(a={"gap_seconds": 1000, "data": [0]}, b=[])
    report = world.train(jobs, deadline=timedelta(minutes=10), zones=("a", "b"))
    assert decided(report) == ["b/local.medium"]
    assert [a.usage.spot for a in report.attempts if a.usage] == [True]
