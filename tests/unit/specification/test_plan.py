"""What a plan says of costs: a month at the least and the most replicas, and against what runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.contracts import ModelVersion, VariantRequest
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.processing import LocalProcessing
from blocks.providers.local.secret import LocalSecrets
from blocks.providers.local.store import LocalStore
from blocks.providers.local.training import LocalTraining
from tasks.rollout.journal import Entry, Event, Journal
from tasks.specification.checks import Surroundings
from tasks.specification.loading import load
from tasks.specification.plan import plan
from tests.chains.project import make_project

HOUR = 0.0117  # local.small on demand
MONTH = HOUR * 730


@pytest.fixture
def here(tmp_path: Path) -> Surroundings:
    machine = LocalMachine(workspace=tmp_path / "workspace")
    return Surroundings(
        store=LocalStore(machine=machine),
        training=LocalTraining(machine=machine),
        endpoints=LocalEndpoints(machine=machine),
        prices=LocalPrices(machine=machine),
        secrets=LocalSecrets(),
        processing=LocalProcessing(machine=machine),
    )


def costs(here: Surroundings, project: Path, *changes: str) -> dict[str, str]:
    """Return what the plan says of each stage's costs."""
    spec = load(project, changes=changes)
    return {line.stage: line.costs for line in plan(spec, here)}


def serve(here: Surroundings, *, machine: str, least: int, most: int) -> None:
    """Write down that a version is being served."""
    journal = Journal(here.store, "small", by="a test")
    model = ModelVersion(name="small", version="1", uri="", digest="")
    green = VariantRequest(
        endpoint="small",
        variant="v1",
        model=model,
        machine=machine,
        min_replicas=least,
        max_replicas=most,
    )
    journal.current()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for event in (Event.BEGUN, Event.FINISHED):
        told = {"green": green} if event is Event.BEGUN else {}
        entry = Entry(number=0, at=at, run="r", by="", event=event)
        journal.append(entry.model_copy(update=told))


def test_a_month_is_told_at_the_least_and_at_the_most_replicas(
    here: Surroundings, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    told = costs(here, project, "rollout.min_replicas=1", "rollout.max_replicas=3")
    assert told["serve"] == f"{MONTH:.2f} to {3 * MONTH:.2f} USD a month"


def test_a_thousand_predictions_are_told_at_the_stated_rate(
    here: Surroundings, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    told = costs(here, project, "budget={requests_per_second: 0.005}")
    assert told["predict"] == f"{HOUR / 18 * 1000:.2f} USD"
    assert "predict" not in costs(here, project)


@pytest.mark.parametrize(
    ("least", "most", "change"),
    [
        (1, 1, f"+{MONTH:.2f} to +{3 * MONTH:.2f} USD"),
        (3, 5, f"-{MONTH:.2f} USD"),
        (2, 4, "+0.00 USD"),
    ],
)
def test_a_month_is_told_against_what_runs_now(
    here: Surroundings, tmp_path: Path, least: int, most: int, change: str
) -> None:
    serve(here, machine="local.small", least=least, most=most)
    project = make_project(tmp_path / "project")
    told = costs(here, project, "rollout.min_replicas=2", "rollout.max_replicas=4")
    month = f"{2 * MONTH:.2f} to {4 * MONTH:.2f} USD a month"
    assert told["serve"] == f"{month} ({change} on what runs now)"


def test_against_a_machine_without_a_price_nothing_is_told(
    here: Surroundings, tmp_path: Path
) -> None:
    serve(here, machine="somebody.else's", least=1, most=1)
    told = costs(here, make_project(tmp_path / "project"))
    assert told["serve"] == f"{MONTH:.2f} USD a month"


def test_a_look_that_is_taken_near_the_traffic_has_its_price(
    here: Surroundings, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    told = costs(here, project, "watch.near={machine: local.small, max_duration: PT2H}")
    assert told["watch"] == f"0.00 to {2 * HOUR:.3f} USD a look"
    assert "watch" not in costs(here, project)
