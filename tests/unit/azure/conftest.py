"""An emulated Azure subscription for each test, and an owner in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import TrainingJobs
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import Subscription


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("azure").bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def emulator(bench: Any) -> Subscription:
    found: Subscription = bench.emulator
    return found


@pytest.fixture
def account(bench: Any) -> AzureAccount:
    found: AzureAccount = bench.account
    return found


@pytest.fixture
def jobs(bench: Any) -> TrainingJobs:
    found: TrainingJobs = bench.connect(TrainingJobs)
    return found
