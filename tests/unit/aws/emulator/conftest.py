"""An emulated account in which nobody of ours was before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.providers.aws.emulator import launch
from blocks.providers.aws.emulator.launch import Account


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Account]:
    with launch.account(tmp_path / "aws", preloaded=True, grace=1.0) as account:
        yield account
