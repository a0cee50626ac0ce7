"""This machine as the tests of its jobs have it: a world of its own, and its training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.providers.local.bench import LocalBench
from blocks.providers.local.training import LocalTraining
from blocks.testing.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with LocalBench(tmp_path) as bench:
        yield bench


@pytest.fixture
def jobs(bench: Bench) -> LocalTraining:
    return bench.connect(LocalTraining)
