"""Fifty thousand requests while versions come and go: each answered once, and counted once."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    Capture,
    Endpoints,
    Monitor,
    ObjectStore,
    RunKey,
    Traffic,
    Window,
)
from blocks.providers.local.bench import LocalBench
from blocks.testing.bench import Bench
from blocks.testing.waiting import until
from tests.chains.callers import Callers

REQUESTS = 50_000
KEY = RunKey(run="run-1", step="deploy")
BLUE, GREEN = "blue", "green"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with LocalBench(tmp_path) as bench:
        yield bench


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_request_is_lost_or_asked_twice_while_versions_come_and_go(bench: Bench) -> None:
    endpoints, began = bench.connect(Endpoints), datetime.now(UTC) - timedelta(seconds=5)

    def up(variant: str) -> None:
        request = bench.variant_request(variant=variant)
        request = request.model_copy(update={"capture": Capture(sample=1.0)})
        bench.settle(endpoints.deploy(request, key=KEY))

    def shift(**percent: int) -> None:
        name = bench.variant_request().endpoint
        endpoints.shift(name, Traffic(percent=percent), since=endpoints.traffic(name))

    up(BLUE)
    shift(blue=100)
    name = bench.variant_request().endpoint
    port = urlsplit(endpoints.variants(name)[0].url).port
    acts: list[Callable[[], object]] = [
        lambda: up(GREEN),
        lambda: shift(blue=90, green=10),
        lambda: shift(blue=50, green=50),
        lambda: shift(blue=5, green=95),
        lambda: shift(green=100),
        lambda: endpoints.retire(name, BLUE),
        lambda: up(BLUE),
        lambda: shift(blue=50, green=50),
        lambda: shift(blue=100),
        lambda: endpoints.retire(name, GREEN),
    ]
    with Callers(port or 0) as callers:
        for number, act in enumerate(acts):
            due = REQUESTS * (number + 1) // (len(acts) + 1)
            callers.reach(due)
            act()
        callers.reach(REQUESTS)
    assert callers.failures == []
    assert all(said == float(n % 100 / 100 > 0.5) for n, (_, said) in callers.answers.items())
    by_variant = Counter(variant for variant, _ in callers.answers.values())
    assert set(by_variant) == {BLUE, GREEN}

    monitor, store = bench.connect(Monitor), bench.connect(ObjectStore)
    window = Window(start=began, end=datetime.now(UTC) + timedelta(minutes=1))

    def counted() -> Counter[str]:
        found: Counter[str] = Counter()
        for tick in monitor.ticks(name, window):
            found[tick.variant] += tick.requests
        return found

    until(lambda: counted().total() >= len(callers.answers))
    assert counted() == by_variant

    def captured() -> list[int]:
        files = monitor.captures(name, window)
        tables = [pq.read_table(io.BytesIO(store.read(each.uri)), columns=["n"]) for each in files]
        return list(pa.concat_tables(tables)["n"].to_pylist()) if tables else []

    until(lambda: len(captured()) >= len(callers.answers))
    assert sorted(captured()) == sorted(callers.answers)
