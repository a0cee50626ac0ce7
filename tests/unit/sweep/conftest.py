"""A machine to sweep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.contracts import Endpoints, Inventory, Monitor, ObjectStore, Prices
from blocks.providers.local.bench import LocalBench
from blocks.testing.bench import Bench
from tasks.sweep.places import Places


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with LocalBench(tmp_path) as bench:
        yield bench


@pytest.fixture
def places(bench: Bench) -> Places:
    return Places(
        inventories=(bench.connect(Inventory),),
        endpoints=bench.connect(Endpoints),
        monitor=bench.connect(Monitor),
        store=bench.connect(ObjectStore),
        prices=bench.connect(Prices),
    )
