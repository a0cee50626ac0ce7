"""What happens to an endpoint under load when its processes are killed, one after the other."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from blocks.contracts import Endpoints, Inventory, RunKey, Traffic, Unavailable
from blocks.providers.local import endpoints
from blocks.providers.local.bench import LocalBench
from blocks.providers.local.desired import EndpointFolder
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.processes import Identity, alive
from blocks.providers.local.replicas import Replica
from blocks.testing.bench import Bench
from blocks.testing.waiting import until
from tests.chains.callers import Callers

KEY = RunKey(run="run-1", step="deploy")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with LocalBench(tmp_path) as bench:
        yield bench


class World:
    """An endpoint with one variant that has all the traffic, and its processes."""

    def __init__(self, bench: Bench, *, replicas: int = 1) -> None:
        self.bench, self.endpoints = bench, bench.connect(Endpoints)
        self.request = bench.variant_request(variant="blue").model_copy(
            update={"min_replicas": replicas, "max_replicas": replicas}
        )
        self.name = self.request.endpoint
        self.ref = self.endpoints.deploy(self.request, key=KEY)
        bench.settle(self.ref)
        blue = Traffic(percent={"blue": 100})
        self.endpoints.shift(self.name, blue, since=self.endpoints.traffic(self.name))
        self.port = urlsplit(self.endpoints.variants(self.name)[0].url).port or 0

    @property
    def folder(self) -> EndpointFolder:
        machine = self.bench.connect(LocalEndpoints).machine
        return EndpointFolder(machine.folder("endpoints") / self.name)

    def supervisor(self) -> Identity:
        return Identity.model_validate_json((self.folder.path / "supervisor.json").read_text())

    def router(self) -> Identity:
        found = self.folder.observed().router
        assert found is not None
        return found

    def is_ready(self) -> bool:
        self.endpoints.traffic(self.name)
        ready = self.folder.observed().variants["blue"].ready
        return alive(self.router()) and ready == self.request.min_replicas


def kill(identity: Identity) -> None:
    os.kill(identity.pid, signal.SIGKILL)
    until(lambda: not alive(identity))


def more(callers: Callers, count: int = 500) -> None:
    """Wait until so many more requests were answered."""
    wanted = len(callers.answers) + count
    until(lambda: len(callers.answers) >= wanted)


def test_a_model_server_that_is_killed_costs_no_request_where_there_is_another(
    bench: Bench,
) -> None:
    world = World(bench, replicas=2)
    with Callers(world.port) as callers:
        more(callers)
        [first, *_] = sorted((world.folder.path / "replicas").glob("*/replica.json"))
        killed = first.read_text()
        kill(Replica.model_validate_json(killed).identity)
        more(callers)
        until(lambda: first.exists() and first.read_text() != killed)
        until(world.is_ready)
        more(callers)
    assert callers.failures == []


def test_a_router_that_is_killed_costs_only_what_was_on_its_way(bench: Bench) -> None:
    world = World(bench)
    with Callers(world.port) as callers:
        for _ in range(3):
            more(callers)
            router, failed = world.router(), len(callers.failures)
            kill(router)
            until(lambda router=router: world.router() != router)  # type: ignore[misc]
            more(callers)
            assert len(callers.failures) - failed <= callers.threads


def test_a_supervisor_that_is_killed_is_not_missed_and_comes_back_at_the_next_look(
    bench: Bench,
) -> None:
    world = World(bench)
    with Callers(world.port) as callers:
        more(callers)
        kill(world.supervisor())
        more(callers)
        assert callers.failures == []
        router = world.router()
        kill(router)  # now nobody brings it back but who looks
        until(world.is_ready)
        assert world.router() != router
        until(lambda: world.endpoints.predict(world.name, body()).status == 200)
        more(callers)
    for resource in list(bench.connect(Inventory).owned()):
        bench.connect(Inventory).remove(resource)
    assert list(bench.running()) == []


def test_a_split_is_told_only_when_it_is_in_force(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks again after a move that took too long must not take what was asked for as done."""
    world = World(bench)
    now, supervisor = world.endpoints.traffic(world.name), world.supervisor()
    os.kill(supervisor.pid, signal.SIGSTOP)
    with monkeypatch.context() as hurried:
        hurried.setattr(endpoints, "APPLY_WITHIN", 0.2)
        with pytest.raises(Unavailable, match="not yet in force"):
            world.endpoints.shift(world.name, Traffic(percent={"blue": 100}), since=now)
        with pytest.raises(Unavailable, match="not yet in force"):
            world.endpoints.traffic(world.name)
    os.kill(supervisor.pid, signal.SIGCONT)
    assert world.endpoints.traffic(world.name).etag != now.etag


def body() -> object:
    return {"dataframe_records": [{"x": 0.1, "n": 1}]}


def test_a_port_that_another_program_took_is_named_until_it_is_free(bench: Bench) -> None:
    world = World(bench)
    kill(world.supervisor())
    kill(world.router())
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", world.port))
        other.listen()
        world.endpoints.traffic(world.name)
        until(lambda: f"port {world.port}" in world.folder.observed().problem)
        log = (world.folder.path / "supervisor.log").read_text()
        assert log.count("is taken by another program") == 1
        blue = Traffic(percent={"blue": 100})
        with pytest.raises(
            Unavailable, match=f"port {world.port} of endpoint .* stop that program"
        ):
            world.endpoints.shift(world.name, blue, since=world.endpoints.traffic(world.name))
    until(world.is_ready)
    with Callers(world.port) as callers:
        more(callers)
    assert callers.failures == []


def test_an_endpoint_whose_folder_is_gone_leaves_no_process(bench: Bench) -> None:
    world = World(bench)
    shutil.rmtree(world.folder.path)
    until(lambda: list(bench.running()) == [])


def test_a_name_that_is_used_again_at_once_is_of_the_new_version_alone(bench: Bench) -> None:
    world = World(bench)
    green = bench.variant_request(kind="threshold", variant="green")
    bench.settle(world.endpoints.deploy(green, key=KEY))
    name, endpoints = world.name, world.endpoints
    endpoints.shift(name, Traffic(percent={"green": 100}), since=endpoints.traffic(name))
    with Callers(world.port) as callers:
        more(callers)
        endpoints.retire(name, "blue")
        again = bench.variant_request(kind="slow", variant="blue")  # another version
        bench.settle(endpoints.deploy(again, key=KEY))
        endpoints.shift(name, Traffic(percent={"blue": 100}), since=endpoints.traffic(name))
        more(callers, 50)
    assert callers.failures == []
    assert endpoints.predict(name, body()).variant == "blue"
    versions = {each.model.version for each in endpoints.variants(name) if each.name == "blue"}
    assert versions == {again.model.version}
