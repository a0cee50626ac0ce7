"""A model server that dies when traffic is moved is waited for: it is being started again."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from blocks.contracts import RunKey
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.desired import EndpointFolder
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.models import LocalModels
from blocks.providers.local.monitor import LocalMonitor
from blocks.providers.local.replicas import replicas_of
from blocks.providers.local.store import LocalStore
from blocks.testing.models import make_model
from blocks.testing.waiting import until
from tasks.rollout.driver import Driver, Ports, Wish
from tasks.rollout.spec import RolloutSpec
from tasks.waiting import Pace


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_traffic_moves_once_the_server_that_died_is_back(tmp_path: Path, workspace: Path) -> None:
    machine = LocalMachine(workspace=workspace)
    ports = Ports(
        endpoints=LocalEndpoints(machine=machine),
        monitor=LocalMonitor(machine=machine),
        models=LocalModels(machine=machine),
        store=LocalStore(machine=machine),
    )
    draft = make_model(tmp_path / "model", kind="threshold")
    model = ports.models.register(draft, key=RunKey(run="r", step="register"))
    spec = RolloutSpec(endpoint="bench", machine="local.small", smoke_request="file:///none")
    wish = Wish(model=model, alias="champion", run="r", spec=spec)
    driver = Driver(ports, wish, Pace(every=timedelta(seconds=0.2)))
    assert driver.take_up()
    driver.deploy()
    folder = EndpointFolder(machine.folder("endpoints") / "bench")
    for replica in list(replicas_of(folder)):
        os.kill(replica.identity.pid, signal.SIGKILL)
    until(lambda: folder.observed().variants["v1"].ready == 0, within=120)
    assert driver.split(100)
    assert dict(ports.endpoints.traffic("bench").percent) == {"v1": 100}
