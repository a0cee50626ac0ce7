"""The instances of one revision of Cloud Run: started when they are needed, ended when idle."""

from __future__ import annotations

import itertools
import shutil
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from google.cloud.run_v2.types import Revision

from blocks.emulation import loopback
from blocks.emulation.containers import Container
from blocks.emulation.ports import next_port
from blocks.providers.gcp.emulator.world import World

LOG, KIND = "run.googleapis.com%2Fstdout", "cloud_run_revision"
BIND_HOST = "BLUEWATER_BIND_HOST"  # a container has a network of its own, a process has not
STAND_IN = ("python", "-m", f"{__package__}.stand_in_server")
IDLE = 900.0  # of the cloud's seconds after which an instance that nobody asks goes
TIMEOUT = 300.0  # seconds of a request, unless a revision says otherwise
MOST = 100  # instances, unless a revision says otherwise
AT_ONCE = 80  # requests to an instance, unless a revision says otherwise
_LOOK_EVERY = 0.05  # of our own seconds
_NUMBERS = itertools.count(1)


class NotStarted(Exception):
    """A container that never listened at its port."""


class Busy(Exception):
    """There is no instance for one more request, and there may be no other."""


@dataclass(slots=True, kw_only=True)
class Instance:
    """One container."""

    container: Container
    port: int
    flying: int = 0
    asked: float  # when it was asked last, by the cloud's clock

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self.container.poll() is None

    def listens(self) -> bool:
        """Whether something listens at its port."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


class Instances:
    """What runs of one revision."""

    def __init__(self, world: World, told: Revision) -> None:
        self._world, self._told = world, told
        self._service = told.service.rpartition("/")[2]
        self._all: list[Instance] = []
        self._lock, self._starting = threading.Lock(), threading.Lock()
        self._over = threading.Event()
        seconds = told.timeout.total_seconds() or TIMEOUT
        self._http = loopback.client(timeout=seconds)

    def bring_up(self) -> None:
        """Start the first one, and keep as many as wanted from then on. Raises NotStarted."""
        if self._world.faults.take("failed-health-check", "*", self._service):
            raise NotStarted
        wanted = max(1, self._told.scaling.min_instance_count)
        for each in [self._start() for _ in range(wanted)]:
            self._await(each)
        threading.Thread(target=self._watch, daemon=True).start()

    def ask(
        self, method: str, path: str, content: bytes, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Let an instance answer; start one where all are busy. Raises Busy and httpx's errors."""
        instance = self._taken()
        try:
            url = f"http://127.0.0.1:{instance.port}{path}"
            return self._http.request(method, url, content=content, headers=dict(headers))
        finally:
            with self._lock:
                instance.flying -= 1
                instance.asked = self._world.clock.now()

    def kill(self) -> int:
        """Kill the containers that run; return how many."""
        killed = [each for each in self._all if each.lives]
        for each in killed:
            each.container.end()
        return len(killed)

    def end(self) -> None:
        """Let all answer what they have, and end them."""
        self._over.set()
        for each in list(self._all):
            self._stop(each)

    def _taken(self) -> Instance:
        """Return an instance that is asked one thing more from now on."""
        if (found := self._free()) is not None:
            return found
        with self._starting:
            if (found := self._free()) is not None:
                return found
            alive = [each for each in self._all if each.lives]
            if self._over.is_set() or len(alive) >= (self._told.scaling.max_instance_count or MOST):
                raise Busy
            new = self._start(flying=1)
            try:
                self._await(new)
            except NotStarted as error:
                raise Busy from error
            return new

    def _free(self) -> Instance | None:
        most = self._told.max_instance_request_concurrency or AT_ONCE
        with self._lock:
            alive = [each for each in self._all if each.lives and each.listens()]
            best = min(alive, key=lambda each: each.flying, default=None)
            if best is None or best.flying >= most:
                return None
            best.flying += 1
            return best

    def _start(self, *, flying: int = 0) -> Instance:
        world, spec = self._world, self._told.containers[0]
        port, number = next_port(), f"{next(_NUMBERS):04d}"
        revision = self._told.name.rpartition("/")[2]
        folder = world.folder / "run" / revision / number
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        labels = {
            "service_name": self._service,
            "revision_name": revision,
            "configuration_name": self._service,
            "location": world.location,
        }

        def hear(line: str) -> None:
            ids = {"instanceId": number}
            world.logs.write(LOG, line, kind=KIND, labels=labels, entry_labels=ids)

        env = {
            **world.container_env(),
            **{each.name: each.value for each in spec.env},
            "PORT": str(port),
            "K_SERVICE": self._service,
            "K_REVISION": revision,
            "K_CONFIGURATION": self._service,
            BIND_HOST: "127.0.0.1",
        }
        name = f"run:{self._service}/{spec.name or revision}"
        command = [*(spec.command or STAND_IN), *spec.args]
        container = world.containers.run(name, folder, command, env, hear)
        instance = Instance(container=container, port=port, flying=flying, asked=world.clock.now())
        self._all.append(instance)
        return instance

    def _await(self, instance: Instance) -> None:
        while not instance.listens():
            if not instance.lives or self._over.wait(_LOOK_EVERY) or self._world.closing.is_set():
                self._stop(instance)
                raise NotStarted

    def _watch(self) -> None:
        """Keep those that are to be ready, and end those that nobody asks."""
        least = self._told.scaling.min_instance_count
        while not self._over.wait(_LOOK_EVERY) and not self._world.closing.is_set():
            with self._lock:
                self._all = [each for each in self._all if each.lives]
                alive, now = list(self._all), self._world.clock.now()
            if len(alive) < least and not self._starting.locked():
                self._start()
            idle = [each for each in alive if not each.flying and now - each.asked > IDLE]
            for each in idle[: max(0, len(alive) - least)]:
                self._stop(each)

    def _stop(self, instance: Instance) -> None:
        instance.container.stop(self._world.clock, grace=self._world.settings.grace)
