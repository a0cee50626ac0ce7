"""What whole chains share: a Prefect server, and workspaces that leave nothing behind."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.providers.local import processes
from blocks.providers.local.services import LocalServices
from blocks.workspace import owner_of

logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request says nothing


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one Prefect server for all chains; each chain's orchestrator is a process of its own."""
    home = tmp_path_factory.mktemp("prefect")
    pages = LocalServices(home)
    pages.start("prefect")
    settings = pages.prefect_settings()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield settings["PREFECT_API_URL"]
    for found in processes.owned(owner_of(home)):
        processes.stop(found.identity, grace=2)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """Return a workspace; whatever still runs for it at the end is stopped."""
    home = tmp_path / "workspace"
    yield home
    for found in processes.owned(owner_of(home)):
        processes.stop(found.identity, grace=0)
