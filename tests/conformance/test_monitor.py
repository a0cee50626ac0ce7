"""What every provider's monitoring must tell of real requests, and keep of metrics."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    Mirror,
    Monitor,
    ObjectStore,
    Sample,
    Traffic,
    Unsupported,
    VariantTick,
    Window,
)
from blocks.testing.bench import Bench
from blocks.testing.waiting import until
from tests.conformance.served import REQUESTS, World

CONTRACT = Monitor


@pytest.fixture
def monitor(bench: Bench) -> Monitor:
    return bench.connect(Monitor)


@pytest.fixture
def world(bench: Bench) -> World:
    return World(bench)


def counted(monitor: Monitor, world: World, *, requests: int) -> list[VariantTick]:
    """Return the ticks once they hold so many requests."""

    def enough() -> bool:
        return sum(each.requests for each in monitor.ticks(world.name, world.window())) >= requests

    until(enough)
    return list(monitor.ticks(world.name, world.window()))


def test_ticks_count_every_request_once_with_latency_and_predictions(
    monitor: Monitor, world: World
) -> None:
    world.serve("threshold", "blue")
    world.give(Traffic(percent={"blue": 100}))
    assert set(world.ask()) == {200}
    ticks = counted(monitor, world, requests=REQUESTS)
    assert {each.variant for each in ticks} == {"blue"}
    assert sum(each.requests for each in ticks) == REQUESTS
    assert sum(sum(each.latency.values()) for each in ticks) == REQUESTS
    assert sum(each.errors for each in ticks) == 0
    high = sum(1 for each in range(REQUESTS) if each / REQUESTS > 0.5)
    assert sum(sum(each.predictions.values()) for each in ticks) == REQUESTS
    by_bucket: dict[str, int] = {}
    for tick in ticks:
        for bucket, count in tick.predictions.items():
            by_bucket[bucket] = by_bucket.get(bucket, 0) + count
    assert sorted(by_bucket.values()) == sorted([high, REQUESTS - high])
    assert {each.seconds for each in ticks} == {float(monitor.features.resolution_seconds)}
    assert [each.start for each in ticks] == sorted(each.start for each in ticks)


def test_a_tick_that_was_told_does_not_change(monitor: Monitor, world: World) -> None:
    world.serve("threshold", "blue")
    world.give(Traffic(percent={"blue": 100}))
    world.ask()
    before = counted(monitor, world, requests=REQUESTS)
    closed = Window(start=world.start, end=before[-1].start + timedelta(microseconds=1))
    world.ask()
    counted(monitor, world, requests=2 * REQUESTS)
    assert list(monitor.ticks(world.name, closed)) == before


def test_errors_are_the_servers_and_never_the_callers(monitor: Monitor, world: World) -> None:
    world.serve("broken", "blue")
    world.give(Traffic(percent={"blue": 100}))
    assert min(world.ask(10)) >= 500
    assert world.status({"x": "bad", "n": 1}) == 400
    ticks = counted(monitor, world, requests=10)
    assert sum(each.errors for each in ticks) == 10


def test_what_a_mirror_answers_is_counted_apart_or_not_at_all(
    monitor: Monitor, world: World
) -> None:
    world.serve("threshold", "blue")
    world.serve("broken", "green")
    most = world.endpoints.features.mirror_at_most
    to = Traffic(percent={"blue": 100}, mirror=Mirror(variant="green", percent=most))
    if not world.endpoints.features.mirror:
        assert not monitor.features.mirrored
        with pytest.raises(Unsupported):
            world.give(to)
        return
    world.give(to)
    asked = REQUESTS
    assert set(world.ask()) == {200}

    def copied() -> bool:
        return any(each.mirrored for each in monitor.ticks(world.name, world.window()))

    def copied_by_now() -> bool:
        """A shift may take effect on copies a little later than on live requests."""
        nonlocal asked
        if not copied():
            assert set(world.ask()) == {200}
            asked += REQUESTS
        return copied()

    if monitor.features.mirrored:
        until(copied_by_now)
    assert copied() == monitor.features.mirrored

    def live() -> list[VariantTick]:
        ticks = monitor.ticks(world.name, world.window())
        return [each for each in ticks if not each.mirrored]

    until(lambda: sum(each.requests for each in live()) >= asked)
    assert {each.variant for each in live() if each.requests} == {"blue"}
    assert [sum(each.requests for each in live()), sum(each.errors for each in live())] == [
        asked,
        0,
    ]
    mirrored = [each for each in monitor.ticks(world.name, world.window()) if each.mirrored]
    assert {each.variant for each in mirrored} <= {"green"}
    assert all(each.errors == each.requests for each in mirrored)


@pytest.mark.parametrize("sample", [1.0, 0.0])
def test_captured_requests_can_be_read_with_their_predictions(
    bench: Bench, monitor: Monitor, world: World, sample: float
) -> None:
    world.serve("threshold", "blue", capture=sample)
    world.give(Traffic(percent={"blue": 100}))
    world.ask()
    counted(monitor, world, requests=REQUESTS)
    if not monitor.features.captures:
        assert list(monitor.captures(world.name, world.window())) == []
        return
    store = bench.connect(ObjectStore)

    def rows() -> pa.Table | None:
        files = monitor.captures(world.name, world.window())
        tables = [pq.read_table(io.BytesIO(store.read(each.uri))) for each in files]
        return pa.concat_tables(tables) if tables else None

    if not sample:  # what is kept of others afterwards tells that nothing of these ever will be
        world.serve("same", "green")
        world.give(Traffic(percent={"green": 100}))
        world.endpoints.retire(world.name, "blue")
        for wanted in (REQUESTS, 2 * REQUESTS):  # the second file comes when blue is long gone
            world.ask()
            until(lambda least=wanted: len(rows() or ()) >= least)  # type: ignore[misc]
        found = rows()
        assert found is not None
        assert set(found["variant"].to_pylist()) == {"green"}
        return
    until(lambda: (found := rows()) is not None and found.num_rows == REQUESTS)
    found = rows()
    assert found is not None
    by_n = sorted(found.to_pylist(), key=lambda row: row["n"])
    assert [row["n"] for row in by_n] == list(range(REQUESTS))
    assert all(float(row["prediction"]) == float(row["x"] > 0.5) for row in by_n)
    assert {(row["variant"], row["mirrored"], row["status"]) for row in by_n} == {
        ("blue", False, 200)
    }
    assert len({row["request_id"] for row in by_n}) == REQUESTS


def test_an_endpoint_that_is_not_there_did_nothing(monitor: Monitor) -> None:
    now = datetime.now(UTC)
    window = Window(start=now - timedelta(hours=1), end=now)
    assert list(monitor.ticks("nowhere", window)) == []
    assert list(monitor.captures("nowhere", window)) == []


def test_samples_are_kept_once_and_found_by_their_labels(monitor: Monitor) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    samples = [Sample(at=start + timedelta(minutes=each), value=each / 10) for each in range(5)]
    labels = {"endpoint": "bench", "column": "a b/c"}
    for _ in range(2):
        monitor.record("drift", samples, labels=labels)
    monitor.record("drift", samples[:1], labels={"endpoint": "bench", "column": "other"})
    window = Window(start=start + timedelta(minutes=1), end=start + timedelta(minutes=4))
    assert list(monitor.read("drift", window, labels=labels)) == samples[1:4]
    assert list(monitor.read("loss", window, labels=labels)) == []
