"""One deployment: its instances are started, watched, and ended."""

from __future__ import annotations

import random
import threading
from collections import deque

from blocks.emulation import loopback
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.replica import Place, Replica, start_replica
from blocks.providers.azure.emulator.world import World

LONGEST = 1800.0  # of the cloud's seconds that a deployment may take
_LOOK_EVERY = 0.05  # of our own seconds
_LINES = 2000  # of its log that are kept

# What a deployment may fail with, by the name of the fault: code and words.
FAILURES = {
    "image-build-failure": ("ImageBuildFailure", "The environment's image could not be built."),
    "out-of-capacity": (
        "OutOfCapacity",
        "The specified VM size failed to provision due to a lack of capacity in the region.",
    ),
    "resource-not-ready": (
        "ResourceNotReady",
        "User container has crashed or terminated: readiness probe failed.",
    ),
}


class Deployment:
    """The instances behind a deployment, and their log."""

    def __init__(self, world: World, place: Place, count: int) -> None:
        self.place = place
        self._world, self._count = world, count
        self._http = loopback.client(timeout=loopback.HEALTH)
        self._replicas: list[Replica] = []
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._over = threading.Event()

    def bring_up(self) -> None:
        """Start every instance and wait until all are ready. Raises AzureError; none is left."""
        world, since = self._world, self._world.clock.now()
        for fault, told in FAILURES.items():
            if world.faults.take(fault, "*", self.place.endpoint):
                raise AzureError(*told)
        unhealthy = world.faults.take("failed-health-check", "*", self.place.endpoint)
        stuck = world.faults.take(
            "stuck-updating", "ml:OnlineDeployments.CreateOrUpdate", self.place.endpoint
        )
        self._grow()
        while stuck or unhealthy or not self._healthy():
            late = world.clock.now() - since > LONGEST
            if not stuck and (late or unhealthy or any(each.ended for each in self._replicas)):
                self.take_down()
                raise AzureError(*FAILURES["resource-not-ready"])
            if stuck and late:  # from now on it has as long as any other
                stuck, since = False, world.clock.now()
            if self._over.wait(_LOOK_EVERY) or world.closing.is_set():
                self.take_down()
                raise AzureError("OperationCanceled", "The operation was canceled.")
        threading.Thread(target=self._watch, daemon=True).start()

    def scale(self, count: int) -> None:
        """Have so many instances; return once they are ready."""
        self._count = count
        leaving, self._replicas[count:] = self._replicas[count:], []  # asked no more from now on
        for extra in leaving:
            extra.container.stop(self._world.clock, grace=self._world.settings.grace)
        self._grow()
        while not self._healthy() and not self._over.wait(_LOOK_EVERY):
            pass

    def take_down(self) -> None:
        """Stop all: what they answer now, they still answer."""
        self._over.set()
        grace = self._world.settings.grace
        stops = [
            threading.Thread(
                target=each.container.stop, args=(self._world.clock,), kwargs={"grace": grace}
            )
            for each in self._replicas
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()

    def pick(self) -> Replica | None:
        """Return one that can be asked, of those that have least to do; None if there is none."""
        serving = [each for each in self._replicas if each.serves]
        random.shuffle(serving)
        return min(serving, key=lambda each: each.flying, default=None)

    def flying(self) -> int:
        """Count the requests that are answered now."""
        return sum(each.flying for each in self._replicas)

    def count(self) -> int:
        """Count the instances."""
        return len(self._replicas)

    def pids(self) -> list[int]:
        """Return the processes of the instances that can be asked."""
        return [each.container.pid for each in self._replicas if each.serves]

    def kill(self) -> int:
        """Kill the containers that run; return how many."""
        running = [each for each in self._replicas if not each.ended]
        for each in running:
            each.container.end()
        return len(running)

    def log(self, tail: int) -> str:
        """Return the last lines of the log."""
        return "\n".join(list(self._lines)[-tail:])

    def _grow(self) -> None:
        while len(self._replicas) < self._count:
            self._replicas.append(self._one())

    def _one(self) -> Replica:
        return start_replica(self._world, self.place, self._lines.append)

    def _healthy(self) -> bool:
        for each in self._replicas:
            if not each.ready:
                each.look(self._http)
        return all(each.serves for each in self._replicas)

    def _watch(self) -> None:
        """Replace instances that die, as long as there is a deployment."""
        while not self._over.wait(_LOOK_EVERY) and not self._world.closing.is_set():
            for number, each in enumerate(list(self._replicas)):
                if each.ended and number < len(self._replicas):
                    self._replicas[number] = self._one()
                elif not each.ready:
                    each.look(self._http)
