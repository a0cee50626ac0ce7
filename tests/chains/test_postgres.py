"""A server of Prefect on PostgreSQL, as teams have it, keeps deployments and runs over restarts."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.emulation.ports import next_port
from blocks.providers.local.services import LocalServices
from blocks.testing.waiting import until
from tests.chains.command import run
from tests.chains.project import make_project
from tests.chains.server import Server

PROGRAMS = [*Path("/usr/lib/postgresql").glob("*/bin"), Path(shutil.which("initdb") or "/").parent]
FOUND = next((folder for folder in PROGRAMS if (folder / "initdb").exists()), None)
DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"


@pytest.fixture
def database() -> Iterator[str]:
    """Run a PostgreSQL of our own on loopback; it refuses to be root's."""
    if FOUND is None:
        pytest.skip("no PostgreSQL is installed here")
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="bluewater-postgres-"))
    shutil.chown(folder, user)
    data, port = folder / "data", next_port()
    made = [
        str(FOUND / "initdb"),
        "-D",
        str(data),
        "-U",
        "bluewater",
        "--auth",
        "trust",
        "--no-sync",
    ]
    subprocess.run(made, user=user, cwd=folder, check=True, capture_output=True)
    words = [
        "-D",
        str(data),
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
        "-k",
        str(folder),
        "-c",
        "fsync=off",
    ]
    with subprocess.Popen([str(FOUND / "postgres"), *words], user=user, cwd=folder) as server:
        ready = [str(FOUND / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        until(lambda: subprocess.run(ready, check=False).returncode == 0, every=0.5)
        yield f"postgresql+asyncpg://bluewater@127.0.0.1:{port}/postgres"
        server.send_signal(signal.SIGINT)
    shutil.rmtree(folder)


def tables(database: str) -> int:
    assert FOUND is not None
    url = database.replace("+asyncpg", "")
    query = "select count(*) from information_schema.tables where table_schema = 'public'"
    told = subprocess.run(
        [FOUND / "psql", "-At", "-c", query, url], check=True, capture_output=True, text=True
    )
    return int(told.stdout)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_server_on_postgresql_keeps_deployments_and_runs(
    database: str, tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE, database)
    services = LocalServices(workspace)
    services.start("prefect")
    settings = services.prefect_settings()
    server = Server(api=settings["PREFECT_API_URL"], login=settings["PREFECT_API_AUTH_STRING"])
    specification = str(make_project(tmp_path / "project"))
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", server.login)
    run("deploy", specification, workspace=workspace, api=server.api, within=600)
    begun = server.start("release/small")
    assert tables(database) > 20
    assert not list(workspace.rglob("prefect.db"))

    os.kill(services.running()["prefect"].identity.pid, signal.SIGKILL)
    until(lambda: not services.running(), within=20)
    services.start("prefect")
    services.wait("prefect")
    assert server.run(begun)["state_type"] == "SCHEDULED"
    assert server.deployment("release/small")["parameters"]["spec"]["name"] == "small"
