"""The machines behind one variant of an endpoint: model servers as processes of this machine."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from blocks.cloud.serving import PREFIX
from blocks.emulation import loopback
from blocks.emulation.containers import Container
from blocks.emulation.ports import next_port
from blocks.providers.aws.container import HOST, PORT
from blocks.providers.aws.emulator.model_files import NoModel, bring
from blocks.providers.aws.emulator.world import World

SERVE = ["python", "-m", "blocks.providers.aws.serve", "serve"]  # what our image is made to run
STAND_IN = ["python", "-m", f"{__package__}.stand_in_server"]  # in place of the images of others
_LOOK_EVERY = 0.05  # of our own seconds
_NUMBERS = itertools.count(1)


class Unhealthy(Exception):
    """A container never answered the ping."""


@dataclass(slots=True, kw_only=True)
class Replica:
    """One machine with one container."""

    container: Container
    port: int
    ready: bool = False
    flying: int = 0  # requests that wait for its answer; guarded by the world's lock

    @property
    def url(self) -> str:
        """Where its server listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def serves(self) -> bool:
        """Whether it can be asked."""
        return self.ready and self.container.poll() is None


@dataclass(slots=True, kw_only=True)
class Fleet:
    """The replicas of a variant. Its weights and its size are guarded by the world's lock."""

    endpoint: str
    config: str  # the configuration that it was made for
    variant: dict[str, Any]  # as in the endpoint configuration
    model: dict[str, Any]
    shadow: bool
    weight: float
    wanted: float
    count: int  # of instances that it should have
    answers_as: str = ""  # what callers are told who answered, where it is not the name
    log_group: str = ""  # where it is not the endpoint's
    asked: int = 0  # requests so far
    replicas: list[Replica] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """The variant's name."""
        return str(self.variant["VariantName"])

    def is_like(self, other: Fleet) -> bool:
        """Whether the same machines would do for the other."""
        same = ("VariantName", "ModelName", "InstanceType", "ServerlessConfig")
        mine, theirs = ([each.variant.get(key) for key in same] for each in (self, other))
        return mine == theirs and self.shadow == other.shadow and self.count == other.count

    def size(self) -> int:
        """Return how many instances are there; those that wait for models are at once."""
        return len(self.serving()) if self.model else self.count

    def serving(self) -> list[Replica]:
        """Return the replicas that can be asked."""
        return [each for each in self.replicas if each.serves]


class Machines:
    """Starts, watches and ends the replicas of fleets."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._http = loopback.client(timeout=loopback.HEALTH)

    def bring_up(self, fleet: Fleet) -> None:
        """Start a fleet and wait until it is healthy. Raises Unhealthy, and nothing is left."""
        if not fleet.model:
            return
        if self._world.faults.take("failed-health-check", "*", fleet.endpoint):
            raise Unhealthy(_unhealthy(fleet))
        try:
            fleet.replicas = [self._start(fleet) for _ in range(fleet.count)]
        except NoModel as error:
            self.take_down(fleet)
            raise Unhealthy(str(error)) from error
        while not all(each.ready for each in fleet.replicas):
            for each in fleet.replicas:
                self._look(each)
                if each.container.poll() is not None:
                    self.take_down(fleet)
                    raise Unhealthy(_unhealthy(fleet))
            if fleet.over.wait(_LOOK_EVERY) or self._world.closing.is_set():
                self.take_down(fleet)
                raise Unhealthy("the endpoint was deleted")
        watch = threading.Thread(target=self._watch, args=(fleet,), daemon=True)
        watch.start()

    def take_down(self, fleet: Fleet) -> None:
        """Stop a fleet: what it answers now, it still answers."""
        fleet.over.set()
        self._stop(fleet.replicas)

    def _stop(self, replicas: Sequence[Replica]) -> None:
        grace = self._world.settings.grace
        threads = [
            threading.Thread(
                target=each.container.stop, args=(self._world.clock,), kwargs={"grace": grace}
            )
            for each in replicas
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def await_size(self, fleet: Fleet) -> None:
        """Wait until a fleet has as many healthy replicas as it should have."""
        while fleet.size() != fleet.count:
            if fleet.over.wait(_LOOK_EVERY) or self._world.closing.is_set():
                return

    def _watch(self, fleet: Fleet) -> None:
        """Replace replicas that die and keep the fleet's size, as long as it is wanted."""
        while not fleet.over.wait(_LOOK_EVERY) and not self._world.closing.is_set():
            self._resize(fleet)
            for number, each in enumerate(fleet.replicas):
                if each.container.poll() is not None:
                    fleet.replicas[number] = self._start(fleet)
                elif not each.ready:
                    self._look(each)

    def _resize(self, fleet: Fleet) -> None:
        """Start what is missing; let what is too much answer what it has, and go."""
        while len(fleet.replicas) < fleet.count:
            fleet.replicas.append(self._start(fleet))
        while len(fleet.replicas) > fleet.count:
            self._stop([fleet.replicas.pop()])

    def _start(self, fleet: Fleet) -> Replica:
        world, port, instance = self._world, next_port(), f"i-{next(_NUMBERS):017x}"
        folder = world.folder / "endpoints" / fleet.endpoint / fleet.name / instance
        shutil.rmtree(folder, ignore_errors=True)
        container = fleet.model["PrimaryContainer"]
        bring(world.objects, container, folder / "model")
        group = fleet.log_group or f"/aws/sagemaker/Endpoints/{fleet.endpoint}"

        def hear(line: str) -> None:
            world.logs.write(group, f"{fleet.name}/{instance}", line)

        env = {
            **world.container_env(),
            **container.get("Environment", {}),
            HOST: "127.0.0.1",  # a container has a network of its own, a process has not
            PORT: str(port),
        }
        name = f"endpoint:{fleet.endpoint}/{fleet.name}"
        ours = any(each.startswith(PREFIX) for each in env)
        command = SERVE if ours else STAND_IN
        return Replica(container=world.containers.run(name, folder, command, env, hear), port=port)

    def _look(self, replica: Replica) -> None:
        try:
            replica.ready = self._http.get(f"{replica.url}/ping").status_code == 200
        except httpx.HTTPError:
            replica.ready = False


def _unhealthy(fleet: Fleet) -> str:
    kind = "shadow" if fleet.shadow else "production"
    return (
        f"The primary container for {kind} variant {fleet.name} did not pass the ping health "
        "check. Please check CloudWatch logs for this endpoint."
    )
