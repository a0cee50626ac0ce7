"""One deployed model of an endpoint: its replicas are started, watched, and ended."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import grpc
from google.cloud.aiplatform_v1.types import DeployedModel, Model

from blocks.emulation import loopback
from blocks.providers.gcp.emulator.autoscaling import Autoscaler
from blocks.providers.gcp.emulator.model_server import Place, Replica, start_replica
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.world import World

STUCK = 1800.0  # of the cloud's seconds that a deployment may take, as Vertex AI has it
_LOOK_EVERY = 0.05  # of our own seconds


class Deployment:
    """The machines behind a deployed model."""

    def __init__(self, world: World, endpoint: str, told: DeployedModel, model: Model) -> None:
        self.told = told
        self._world, self._model = world, model
        self._place = Place(
            endpoint=endpoint,
            deployed_model=told.id,
            display_name=told.display_name,
            machine=told.dedicated_resources.machine_spec.machine_type,
        )
        self._http = loopback.client(timeout=loopback.HEALTH)
        self._replicas: list[Replica] = []
        self._scaler = Autoscaler(told.dedicated_resources, period=world.settings.scaling_period)
        self._over, self._lock = threading.Event(), threading.Lock()

    @property
    def endpoint(self) -> str:
        """The id of its endpoint."""
        return self._place.endpoint

    def bring_up(self, cancelled: threading.Event) -> None:
        """Start every replica and wait until all are healthy. Raises GcpError; none is left."""
        world, since = self._world, self._world.clock.now()
        if world.faults.take("stock-out", "*", self._place.endpoint):
            raise GcpError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "Machine type temporarily unavailable, please deploy with a different machine type "
                "or retry.",
            )
        unhealthy = world.faults.take("failed-health-check", "*", self._place.endpoint)
        stuck = world.faults.take("stuck-deploying", "*", self._place.endpoint)
        self._start()
        while stuck or unhealthy or not self._healthy():
            ended = next(
                (each for each in self._replicas if each.container.poll() is not None), None
            )
            late = world.clock.now() - since > STUCK
            if (ended or unhealthy or late) and not stuck:
                self.take_down()
                raise _never_ready(ended)
            if stuck and late:  # from now on it has as long as any other
                stuck, since = False, world.clock.now()
            if cancelled.wait(_LOOK_EVERY) or world.closing.is_set():
                self.take_down()
                raise GcpError(grpc.StatusCode.CANCELLED, "The operation was cancelled.")
        threading.Thread(target=self._watch, daemon=True).start()

    def take_down(self) -> None:
        """Stop all: what they answer now, they still answer."""
        with self._lock:
            self._over.set()
        self._stop(self._replicas)

    def _stop(self, replicas: Sequence[Replica]) -> None:
        stops = [
            threading.Thread(
                target=each.container.stop,
                args=(self._world.clock,),
                kwargs={"grace": self._world.settings.grace},
            )
            for each in replicas
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()

    def available(self) -> int:
        """Count the replicas that can be asked."""
        return sum(each.serves for each in self._replicas)

    def pick(self) -> Replica:
        """Return one that can be asked. Raises GcpError."""
        serving = [each for each in self._replicas if each.serves]
        if not serving:
            raise GcpError(grpc.StatusCode.UNAVAILABLE, "The model server is not available.")
        self._scaler.asked()
        return random.choice(serving)  # noqa: S311 - no secret

    def kill(self) -> int:
        """Kill the containers that run; return how many."""
        running = [each for each in self._replicas if not each.ended]
        for each in running:
            each.container.end()
        return len(running)

    def _start(self) -> None:
        count = self.told.dedicated_resources.min_replica_count or 1
        try:
            self._replicas = [self._one() for _ in range(count)]
        except OSError as error:
            self.take_down()
            raise GcpError(grpc.StatusCode.FAILED_PRECONDITION, str(error)) from error

    def _one(self) -> Replica:
        return start_replica(self._world, self._model, self._place)

    def _healthy(self) -> bool:
        for each in self._replicas:
            if not each.ready:
                each.look(self._http)
        return all(each.serves for each in self._replicas)

    def _watch(self) -> None:
        """Replace replicas that die, and have as many as the load takes, until undeployed."""
        while not self._over.wait(_LOOK_EVERY) and not self._world.closing.is_set():
            for number, each in enumerate(self._replicas):
                if each.ended:
                    self._replicas[number] = self._one()
                elif not each.ready:
                    each.look(self._http)
            self._scale(self._scaler.wanted(self._replicas, self._world.clock.now()))

    def _scale(self, count: int) -> None:
        """Add replicas, or take the last ones away: no request goes to these any more."""
        with self._lock:
            if self._over.is_set():
                return
            self._replicas += [self._one() for _ in range(count - len(self._replicas))]
            leaving = self._replicas[count:]
            self._replicas = self._replicas[:count]
        if leaving:
            threading.Thread(target=self._stop, args=(leaving,), daemon=True).start()


def _never_ready(ended: Replica | None) -> GcpError:
    why = (
        f"Model server terminated: model server container terminated: exit_code: "
        f"{ended.container.poll()}"
        if ended
        else "Model server never became ready"
    )
    return GcpError(
        grpc.StatusCode.FAILED_PRECONDITION,
        f"{why}. Please validate that your model file or container configuration are valid.",
    )
