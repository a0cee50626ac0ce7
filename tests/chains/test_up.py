"""One command starts everything on this machine, may be killed and repeated; one takes it down."""

from __future__ import annotations

import ipaddress
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from blocks.providers.local import processes
from blocks.providers.local.services import LocalServices
from blocks.testing.waiting import until
from blocks.workspace import owner_of
from tests.chains.command import run, run_json, start
from tests.chains.project import make_project

SERVICES = {"prefect", "mlflow", "worker", "receiver"}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:lake"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "workspace"
    yield home
    for found in processes.owned(owner_of(home)):
        processes.stop(found.identity, grace=2)


def running(home: Path) -> dict[str, int]:
    return {name: each.identity.pid for name, each in LocalServices(home).running().items()}


def listening(home: Path) -> set[str]:
    """Return the addresses at which anything of ours can be reached."""
    found = set()
    for each in processes.owned(owner_of(home)):
        for connection in psutil.Process(each.identity.pid).net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                found.add(connection.laddr.ip)
    return found


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_up_may_be_killed_and_repeated_and_down_leaves_nothing(home: Path, tmp_path: Path) -> None:
    specification = str(make_project(tmp_path / "project"))
    first = start("up", specification, workspace=home, api="")
    until((home / "services/mlflow.log").exists, within=240)
    first.kill()
    first.communicate()

    said = run_json("up", specification, workspace=home, api="", within=900)
    assert {each["service"] for each in said} == SERVICES
    before = running(home)
    assert set(before) == SERVICES
    servers = [
        each
        for each in processes.owned(owner_of(home))
        if "server" in (words := psutil.Process(each.identity.pid).cmdline()) and "start" in words
    ]
    assert len(servers) == 1, "the server that was started before the kill is not the one in use"
    assert all(ipaddress.ip_address(address).is_loopback for address in listening(home))
    urls = {each["service"]: each["url"] for each in said}
    assert httpx.post(f"{urls['prefect']}/api/flow_runs/filter").status_code == 401
    assert httpx.post(f"{urls['receiver']}/plain", json={"uri": "file:///x"}).status_code == 401
    assert httpx.get(urls["mlflow"]).status_code == 401

    for name in ("worker", "receiver"):
        os.kill(before[name], signal.SIGKILL)
    until(lambda: not {"worker", "receiver"} & set(running(home)), within=20)
    run("up", specification, workspace=home, api="", within=600)
    after = running(home)
    assert {name for name in SERVICES if before[name] != after[name]} == {"worker", "receiver"}

    run("up", "--topic", TOPIC, workspace=home, api="", within=600)
    believing = running(home)
    assert {name for name in SERVICES if believing[name] != after[name]} == {"receiver"}
    run("up", workspace=home, api="", within=600)
    assert running(home) == believing
    words = psutil.Process(believing["receiver"]).cmdline()
    assert words[-2:] == ["--topic", TOPIC]

    run("down", "--yes", workspace=home, api="")
    assert list(processes.owned(owner_of(home))) == []
