"""A bench for each test, and what was learnt from eight weeks."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.contracts import ObjectStore
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from tasks.checks.profile import Profile
from tests.unit.checks.weeks import Workbench, weeks


@pytest.fixture
def bench(store: ObjectStore, tmp_path: Path) -> Workbench:
    return Workbench(store, tmp_path)


@pytest.fixture(scope="package")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """The profile of the first eight weeks."""
    folder = tmp_path_factory.mktemp("learnt")
    store = LocalStore(machine=LocalMachine(workspace=folder / "workspace"))
    return Workbench(store, folder).profile(weeks(8))
