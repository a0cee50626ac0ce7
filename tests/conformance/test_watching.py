"""What every provider's own model monitor must do with an endpoint's traffic."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    Check,
    InvalidRequest,
    Inventory,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    NotFound,
    ObjectStore,
    Phase,
    Resource,
    Traffic,
    Unsupported,
)
from blocks.testing.bench import Bench
from tests.conformance.served import REQUESTS, World

CONTRACT = MonitoringSchedules
KIND = "monitoring-schedule"


@pytest.fixture
def monitors(bench: Bench) -> MonitoringSchedules:
    return bench.connect(MonitoringSchedules)


@pytest.fixture
def world(bench: Bench) -> World:
    found = World(bench)
    found.serve("threshold", "blue")
    found.give(Traffic(percent={"blue": 100}))
    return found


@pytest.fixture
def schedule(bench: Bench, monitors: MonitoringSchedules, world: World) -> MonitoringSchedule:
    """Return a schedule against rows like those of ``usual``."""
    store = bench.connect(ObjectStore)
    rows = [{**row, "prediction": float(row["x"] > 0.5)} for row in usual() * 5]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    kept = store.write(f"{store.root}/baseline.parquet", out.getvalue())
    return MonitoringSchedule(
        endpoint=world.name,
        baseline_uri=kept.uri,
        output_uri=f"{store.root}/monitor",
        every=max(timedelta(hours=1), monitors.features.shortest),
        checks=tuple(sorted(monitors.features.checks)),
    )


def usual(*, moved: float = 0.0, note: str | None = "as ever") -> list[dict[str, Any]]:
    """Return rows with x going from 0 to 1, unless it is moved."""
    return [{"x": each / REQUESTS + moved, "n": each, "note": note} for each in range(REQUESTS)]


def looked(
    bench: Bench, monitors: MonitoringSchedules, world: World, rows: Sequence[dict[str, Any]]
) -> MonitorLook:
    """Ask, let the monitor look, and return what it found."""
    assert {world.status(row) for row in rows} == {200}
    bench.look(world.name)
    [look] = monitors.looks(world.name, bench.looking(world.name))
    return look


def schedules(bench: Bench) -> list[Resource]:
    return [each for each in bench.connect(Inventory).owned() if each.kind == KIND]


def test_a_schedule_is_as_asked_and_asking_again_changes_nothing(
    bench: Bench, monitors: MonitoringSchedules, schedule: MonitoringSchedule
) -> None:
    assert monitors.schedule(schedule.endpoint) is None
    for _ in range(2):
        monitors.ensure(schedule)
    assert monitors.schedule(schedule.endpoint) == schedule
    assert bench.created("watching") == 1
    [owned] = schedules(bench)
    assert owned.running


def test_traffic_like_the_baseline_is_quiet(
    bench: Bench, monitors: MonitoringSchedules, world: World, schedule: MonitoringSchedule
) -> None:
    monitors.ensure(schedule)
    look = looked(bench, monitors, world, usual() * 3)
    assert (look.phase, look.findings) == (Phase.SUCCEEDED, ())
    assert look.rows in {None, 3 * REQUESTS}


def test_a_column_that_moved_is_named_and_its_neighbour_is_not(
    bench: Bench, monitors: MonitoringSchedules, world: World, schedule: MonitoringSchedule
) -> None:
    monitors.ensure(schedule)
    look = looked(bench, monitors, world, usual(moved=3.0) * 3)
    assert look.phase is Phase.SUCCEEDED
    drifted = {each.column for each in look.findings if each.check is Check.DRIFT}
    assert "x" in drifted
    assert "n" not in drifted
    [found, *_] = [each for each in look.findings if each.column == "x"]
    assert found.metric
    assert found.value is None or found.limit is None or found.value > found.limit


def test_values_that_are_missing_are_found_or_not_on_offer(
    bench: Bench, monitors: MonitoringSchedules, world: World, schedule: MonitoringSchedule
) -> None:
    if Check.QUALITY not in monitors.features.checks:
        asked = schedule.model_copy(update={"checks": (Check.QUALITY,)})
        with pytest.raises(Unsupported):
            monitors.ensure(asked)
        return
    monitors.ensure(schedule)
    rows = [*usual(), *usual(note=None), *usual(note=None)]
    look = looked(bench, monitors, world, rows)
    assert "note" in {each.column for each in look.findings if each.check is Check.QUALITY}


def test_what_is_not_on_offer_is_refused_before_any_call(
    bench: Bench,
    schedule: MonitoringSchedule,
    changed: Callable[..., MonitoringSchedules],
) -> None:
    with pytest.raises(InvalidRequest, match="every"):
        changed(shortest=2 * schedule.every).ensure(schedule)
    lacking = changed(shortest=schedule.every, checks=frozenset[Check]())
    with pytest.raises(Unsupported):
        lacking.ensure(schedule)
    assert bench.created("watching") == 0


def test_an_endpoint_that_is_not_there_is_watched_by_nobody(
    bench: Bench, monitors: MonitoringSchedules, schedule: MonitoringSchedule
) -> None:
    with pytest.raises(NotFound):
        monitors.ensure(schedule.model_copy(update={"endpoint": "nowhere"}))
    assert monitors.schedule("nowhere") is None
    monitors.stop("nowhere")
    assert bench.created("watching") == 0


def test_another_schedule_takes_the_place_of_the_first(
    bench: Bench, monitors: MonitoringSchedules, schedule: MonitoringSchedule
) -> None:
    monitors.ensure(schedule)
    other = schedule.model_copy(update={"every": 24 * schedule.every})
    monitors.ensure(other)
    assert monitors.schedule(schedule.endpoint) == other
    assert len(schedules(bench)) == 1


def test_a_schedule_that_was_stopped_leaves_its_reports(
    bench: Bench, monitors: MonitoringSchedules, world: World, schedule: MonitoringSchedule
) -> None:
    monitors.ensure(schedule)
    look = looked(bench, monitors, world, usual())
    window = bench.looking(world.name)
    for _ in range(2):
        monitors.stop(world.name)
    assert monitors.schedule(world.name) is None
    assert schedules(bench) == []
    assert list(monitors.looks(world.name, window)) == [look]


def test_a_schedule_goes_with_what_we_own(
    bench: Bench, monitors: MonitoringSchedules, schedule: MonitoringSchedule
) -> None:
    monitors.ensure(schedule)
    inventory = bench.connect(Inventory)
    for each in schedules(bench):
        for _ in range(2):
            inventory.remove(each)
    assert schedules(bench) == []
    assert monitors.schedule(schedule.endpoint) is None
