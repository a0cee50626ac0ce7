"""An emulated Databricks workspace for each test, and an owner in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import TrainingJobs
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.launch import Workspace


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("databricks").bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def emulator(bench: Any) -> Workspace:
    found: Workspace = bench.emulator
    return found


@pytest.fixture
def account(bench: Any) -> DatabricksWorkspace:
    found: DatabricksWorkspace = bench.account
    return found


@pytest.fixture
def jobs(bench: Any) -> TrainingJobs:
    found: TrainingJobs = bench.connect(TrainingJobs)
    return found
