"""The registry goes down while a version goes live, and comes back: nothing is lost or doubled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from blocks.contracts import RunKey
from blocks.emulation.ports import next_port
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.models import LocalModels
from blocks.providers.local.monitor import LocalMonitor
from blocks.providers.local.store import LocalStore
from blocks.testing.models import make_model
from blocks.testing.waiting import until
from tasks.rollout.driver import Ports
from tasks.rollout.spec import RolloutSpec
from tasks.rollout.stage import roll_out
from tasks.waiting import Pace
from tests.unit.registry.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    server = Server(folder=tmp_path / "server", port=next_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.slow
def test_a_registry_that_is_down_when_a_version_goes_live_is_waited_for(
    server: Server, tmp_path: Path, workspace: Path
) -> None:
    machine = LocalMachine(workspace=workspace)
    ports = Ports(
        endpoints=LocalEndpoints(machine=machine),
        monitor=LocalMonitor(machine=machine),
        models=LocalModels(machine=machine, tracking_uri=server.url),
        store=LocalStore(machine=machine),
    )
    request = tmp_path / "request.json"
    request.write_text('{"dataframe_records": [{"x": 0.7, "n": 1}]}')
    spec = RolloutSpec(endpoint="bench", machine="local.small", smoke_request=request.as_uri())
    draft = make_model(tmp_path / "model", kind="threshold")
    model = ports.models.register(draft, key=RunKey(run="r", step="register"))
    journal = workspace / "store" / "rollouts" / "bench" / "journal"
    went_live_without: list[bool] = []

    def outage() -> None:
        until(lambda: any('"ready"' in file.read_text() for file in journal.glob("*.json")))
        server.stop()
        until(lambda: any('"live"' in file.read_text() for file in journal.glob("*.json")))
        went_live_without.append(True)
        server.start()

    trouble = threading.Thread(target=outage)
    trouble.start()
    pace = Pace(every=timedelta(seconds=0.5))
    report = roll_out.fn(ports, spec, model, alias="champion", run="r", beaten="", pace=pace)
    trouble.join()
    assert went_live_without
    assert report.live
    assert ports.models.resolve("bench", "champion") == model
    assert [move.version for move in ports.models.history("bench", "champion")] == ["1"]
