"""An emulated Google Cloud project for each test, and an owner in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import TrainingJobs
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("gcp").bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def emulator(bench: Any) -> Project:
    found: Project = bench.emulator
    return found


@pytest.fixture
def account(bench: Any) -> GcpAccount:
    found: GcpAccount = bench.account
    return found


@pytest.fixture
def jobs(bench: Any) -> TrainingJobs:
    found: TrainingJobs = bench.connect(TrainingJobs)
    return found
