"""An emulated AWS account for each test, and an owner in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import TrainingJobs
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("aws").bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def emulator(bench: Any) -> Account:
    found: Account = bench.emulator
    return found


@pytest.fixture
def account(bench: Any) -> AwsAccount:
    found: AwsAccount = bench.account
    return found


@pytest.fixture
def jobs(bench: Any) -> TrainingJobs:
    found: TrainingJobs = bench.connect(TrainingJobs)
    return found
