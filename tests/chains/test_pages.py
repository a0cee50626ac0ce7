"""The pages of this machine: they answer whoever knows the password, and nobody else."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from blocks.providers.local import processes
from blocks.providers.local.services import LocalServices
from blocks.workspace import owner_of

ASKS = {
    "prefect": ("POST", "/api/flow_runs/filter"),
    "mlflow": ("GET", "/api/2.0/mlflow/registered-models/search"),
}


@pytest.fixture
def pages(workspace: Path) -> Iterator[LocalServices]:
    services = LocalServices(workspace)
    services.start(*ASKS)
    yield services
    for found in processes.owned(owner_of(workspace)):
        processes.stop(found.identity, grace=2)


@pytest.mark.slow
def test_the_pages_want_the_password_that_only_their_owner_can_read(
    pages: LocalServices, workspace: Path
) -> None:
    login = pages.login_file()
    assert stat.S_IMODE(login.stat().st_mode) == 0o600
    user, _, password = login.read_text().partition(":")
    for name, (method, path) in ASKS.items():
        url = f"{pages.wait(name).url}{path}"
        assert httpx.request(method, url).status_code == 401
        assert httpx.request(method, url, auth=(user, "wrong")).status_code == 401
        assert httpx.request(method, url, auth=(user, password)).status_code == 200
        if name == "mlflow":
            assert httpx.get(pages.wait(name).url).status_code == 401
    assert LocalServices(workspace).start(*ASKS) == pages.running()
    kept = [file for file in workspace.rglob("*") if file.is_file() and file != login]
    assert kept
    assert not [file for file in kept if password.encode() in file.read_bytes()]
