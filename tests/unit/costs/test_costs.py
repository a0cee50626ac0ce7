"""What a release is expected to cost, what it has cost, and what is over the budget."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from blocks.contracts import (
    Candidates,
    ModelVersion,
    OperationRef,
    Phase,
    Study,
    TrainingResult,
    Usage,
    VariantRequest,
)
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from tasks.costs.actual import actual, both_up
from tasks.costs.forecast import fleet_times, forecast, spot_time
from tasks.costs.money import Money, hours, total
from tasks.processing.spec import NearSpec
from tasks.rollout.journal import Entry, Event
from tasks.rollout.report import RolloutReport, to_report
from tasks.specification.loading import load
from tasks.specification.spec import ReleaseSpec
from tasks.training.report import Attempt, TrainingReport, priced
from tasks.training.spec import SpotSpec
from tests.chains.project import make_project

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = ModelVersion(name="small", version="2", uri="", digest="")
ON_DEMAND, SPOT = Decimal("0.0117"), Decimal("0.0035")  # local.small an hour: on-demand, spot


@pytest.fixture
def prices(tmp_path: Path) -> LocalPrices:
    return LocalPrices(machine=LocalMachine(workspace=tmp_path / "workspace"))


@pytest.fixture
def spec(tmp_path: Path) -> ReleaseSpec:
    return load(make_project(tmp_path / "project"))


def changed(spec: ReleaseSpec, section: str, **fields: object) -> ReleaseSpec:
    part = getattr(spec, section).model_copy(update=fields)
    return spec.model_copy(update={section: part})


def rolled_out(lasted: float, *, blue: str | None = "v1") -> RolloutReport:
    green = VariantRequest(endpoint="small", variant="v2", model=MODEL, machine="local.small")
    entries = [
        Entry(number=0, at=BEGAN, run="r", by="t", event=Event.BEGUN, green=green, blue=blue),
        Entry(number=1, at=BEGAN + timedelta(hours=lasted), run="r", by="t", event=Event.FINISHED),
    ]
    return to_report(entries, url="", model=MODEL)


def test_a_study_costs_as_much_as_all_its_trials(spec: ReleaseSpec, prices: LocalPrices) -> None:
    study = Study(metric="auc", parameters={"rate": Candidates(low=1, high=2)}, trials=5)
    asked = changed(spec, "training", max_duration=timedelta(hours=2), study=study)
    cost = forecast(asked, prices).training
    assert cost == Money(low=Decimal(0), high=ON_DEMAND * 10, currency="USD")


def test_on_demand_costs_at_most_every_attempt_allowed_at_its_longest(
    spec: ReleaseSpec, prices: LocalPrices
) -> None:
    asked = changed(spec, "training", max_duration=timedelta(hours=2), failures_allowed=2)
    cost = forecast(asked, prices).training
    assert cost == Money(low=Decimal(0), high=ON_DEMAND * 6, currency="USD")
    assert cost.expected == cost.high


def test_on_demand_costs_what_the_training_is_said_to_take(
    spec: ReleaseSpec, prices: LocalPrices
) -> None:
    longest = timedelta(hours=4)
    asked = changed(spec, "training", expected_hours=3, max_duration=longest, nodes=2)
    cost = forecast(asked, prices).training
    assert cost == Money(low=ON_DEMAND * 6, high=ON_DEMAND * 8, currency="USD")
    assert cost.expected == cost.low


def test_spot_costs_between_what_is_expected_and_every_attempt_at_its_longest(
    spec: ReleaseSpec, prices: LocalPrices
) -> None:
    spot = SpotSpec(expected_hours=1, interruptions_per_hour=0.1, interruptions_allowed=3)
    asked = changed(spec, "training", spot=spot, max_duration=timedelta(hours=2))
    cost, time = forecast(asked, prices).training, spot_time(spot)
    assert cost is not None
    assert time is not None
    assert timedelta(hours=1) < time < timedelta(hours=1.2)
    assert cost.low == SPOT * hours(time)
    assert cost.high == SPOT * 6 + ON_DEMAND * 2
    failing = forecast(changed(asked, "training", failures_allowed=1), prices).training
    assert failing is not None
    assert failing.high == SPOT * 6 + ON_DEMAND * 4


@given(
    work=some.floats(min_value=0.1, max_value=50),
    rate=some.floats(min_value=0.001, max_value=2),
)
def test_more_interruptions_never_take_less_time(work: float, rate: float) -> None:
    calm = spot_time(SpotSpec(expected_hours=work, interruptions_per_hour=rate))
    rough = spot_time(SpotSpec(expected_hours=work, interruptions_per_hour=2 * rate))
    assert calm is not None
    assert rough is not None
    assert timedelta(hours=work) < calm < rough


def test_the_expected_time_on_spot_is_that_of_a_simulation() -> None:
    """Work in segments of Daly's interval; a loss repeats the segment after another launch."""
    spot = SpotSpec(expected_hours=2, interruptions_per_hour=1, launch=timedelta(minutes=5))
    expected = spot_time(spot)
    random, launch, save = np.random.default_rng(5), 300.0, 1.0
    segment = 2 * 3600 / round(2 * 3600 / np.sqrt(2 * save * 3600))
    took = []
    for _ in range(400):
        time, done, left = launch, 0.0, random.exponential(3600)
        while done < 2 * 3600 - 1e-6:
            if left >= segment + save:
                time, done, left = time + segment + save, done + segment, left - segment - save
            else:
                time, left = time + left + launch, random.exponential(3600)
        took.append(time)
    assert expected is not None
    assert expected.total_seconds() == pytest.approx(np.mean(took), rel=0.04)


def test_the_second_fleet_costs_from_the_shortest_to_the_longest_rollout(
    spec: ReleaseSpec, prices: LocalPrices
) -> None:
    least, most = fleet_times(spec.rollout)
    assert least == timedelta(seconds=2 * 2 + 2)
    assert most == timedelta(minutes=30, seconds=2 * 3 + 2)
    cost = forecast(spec, prices).rollout
    assert cost is not None
    assert cost.low == ON_DEMAND * hours(least)
    none = forecast(spec, prices, second_fleet=False).rollout
    assert none == Money(low=Decimal(0), high=Decimal(0), currency="USD")


def test_a_month_and_a_thousand_predictions(spec: ReleaseSpec, prices: LocalPrices) -> None:
    asked = load_changed(spec, per_second=10.0)
    asked = changed(asked, "rollout", max_replicas=3)
    expected = forecast(asked, prices)
    assert expected.per_month == Money(low=ON_DEMAND * 730, high=ON_DEMAND * 2190, currency="USD")
    assert expected.per_thousand is not None
    assert float(expected.per_thousand.low) == pytest.approx(float(ON_DEMAND) / 36)


def load_changed(spec: ReleaseSpec, *, per_second: float) -> ReleaseSpec:
    budget = {"requests_per_second": per_second}
    return ReleaseSpec.model_validate({**spec.model_dump(), "budget": budget})


def test_a_spot_price_that_nobody_knows_lies_between_nothing_and_on_demand(
    spec: ReleaseSpec, prices: LocalPrices
) -> None:
    book = {
        "currency": "USD",
        "machines": {"local.small": {"on_demand": "2"}},
        "source": "a test",
        "as_of": "2026-01-01",
    }
    (prices.machine.folder() / "prices.json").write_text(json.dumps(book))
    spot = SpotSpec(expected_hours=1, interruptions_allowed=1)
    asked = changed(spec, "training", spot=spot, max_duration=timedelta(hours=3))
    assert forecast(asked, prices).training == Money(
        low=Decimal(0), high=Decimal(12), currency="USD"
    )


def test_what_has_no_price_is_unknown_and_never_nothing(
    spec: ReleaseSpec, prices: LocalPrices
) -> None:
    expected = forecast(changed(spec, "training", machine="local.enormous"), prices)
    assert expected.training is None
    assert expected.per_run is None
    assert expected.rollout is not None
    one = Money(low=Decimal(1), high=Decimal(2), currency="USD")
    assert total([one, None]) is None
    assert total([one, one.model_copy(update={"currency": "EUR"})]) is None
    assert total([one, one]) == Money(low=Decimal(2), high=Decimal(4), currency="USD")


def test_actual_costs_come_from_metered_time_and_from_the_journal(
    spec: ReleaseSpec, prices: LocalPrices
) -> None:
    ref = OperationRef(provider="local", capability="training", id="1", token="1")
    usage = Usage(machine="local.small", seconds=7200, billed_seconds=3600, spot=True)
    attempts = priced([Attempt(ref=ref, phase=Phase.SUCCEEDED, usage=usage)], prices)
    report = actual(
        forecast(spec, prices),
        prices,
        spec.rollout,
        training=TrainingReport(result=TrainingResult(model_uri="file:///m"), attempts=attempts),
        rollout=rolled_out(2),
        near=[Usage(machine="local.small", seconds=7200.0, billed_seconds=7200.0)],
        per_thousand=Decimal("0.001"),
        currency="USD",
    )
    assert report.training == Money(low=SPOT, high=SPOT, currency="USD")
    assert report.rollout == Money(low=ON_DEMAND * 2, high=ON_DEMAND * 2, currency="USD")
    assert report.near == Money(low=ON_DEMAND * 2, high=ON_DEMAND * 2, currency="USD")
    assert report.fleet_hours == 2
    was = {row["what"]: row["was"] for row in report.table()}
    assert was["the run"] == "0.050 USD"
    assert was["the model version"] == str(report.per_version)
    assert report.per_version == Money(
        low=SPOT + ON_DEMAND * 2, high=SPOT + ON_DEMAND * 2, currency="USD"
    )


def test_jobs_near_the_data_are_expected_to_cost_their_longest(
    spec: ReleaseSpec, prices: LocalPrices
) -> None:
    near = NearSpec(machine="local.small", max_duration=timedelta(hours=3))
    asked = changed(changed(spec, "validation", near=near), "evaluation", near=near)
    before, expected = forecast(spec, prices), forecast(asked, prices)
    assert before.near is None
    assert expected.near == Money(low=Decimal(0), high=ON_DEMAND * 6, currency="USD")
    assert before.per_run is not None and expected.per_run is not None
    assert expected.per_run.high == before.per_run.high + ON_DEMAND * 6


def test_a_first_version_has_no_second_fleet() -> None:
    assert both_up(rolled_out(2, blue=None)) == timedelta(0)
    assert both_up(rolled_out(2)) == timedelta(hours=2)
