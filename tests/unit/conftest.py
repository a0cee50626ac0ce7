"""What unit tests share: a store of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.contracts import ObjectStore
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return LocalStore(machine=LocalMachine(workspace=tmp_path / "workspace"))
