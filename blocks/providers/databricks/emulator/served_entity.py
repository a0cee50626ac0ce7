"""One served entity of an endpoint: its servers are started, watched, put to sleep, and ended."""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from blocks.emulation import loopback
from blocks.emulation.containers import Container
from blocks.emulation.ports import next_port
from blocks.providers.databricks.emulator.operations import Said
from blocks.providers.databricks.emulator.refusals import Refused
from blocks.providers.databricks.emulator.scoring_names import FOLDER, PORT
from blocks.providers.databricks.emulator.world import World

CREATING, READY, FAILED, RECOVERING = (
    f"DEPLOYMENT_{each}" for each in ("CREATING", "READY", "FAILED", "RECOVERING")
)
STUCK = 1800.0  # of the cloud's seconds that an update may take
SHRINK_AFTER = 300.0  # of the cloud's seconds with less to do after which an entity shrinks
IDLE = 1800.0  # of the cloud's seconds without a request after which an entity scales to zero
GRACE = 30.0  # of the cloud's seconds between SIGTERM and SIGKILL
UNITS = 4  # of provisioned concurrency that one server is
_SIZES = {"Small": (4, 4), "Medium": (8, 16), "Large": (16, 64)}
_SERVER = ("python", "-m", f"{__package__}.scoring")
_LOOK_EVERY = 0.05  # of our own seconds
_LINES = 1000  # of the log that are kept
_NUMBERS = itertools.count(1)


class NotReady(Exception):
    """A served entity never got ready; the message says why."""


@dataclass(slots=True, kw_only=True)
class Replica:
    """One server of a model."""

    container: Container
    url: str
    ready: bool = False

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.container.poll() is not None

    @property
    def serves(self) -> bool:
        """Whether it can be asked."""
        return self.ready and not self.ended


class ServedEntity:
    """The servers behind a served entity, as it was put: ``spec`` is what the wire said."""

    def __init__(
        self, world: World, endpoint: str, spec: Said, env: Mapping[str, str], model: Path
    ) -> None:
        self.spec, self.state, self.message = spec, CREATING, ""
        self.at, self.id = world.milliseconds(), uuid.uuid4().hex
        self.log: deque[str] = deque(maxlen=_LINES)
        self._world, self._endpoint, self._env, self._model = world, endpoint, env, model
        self._http = loopback.client(timeout=loopback.HEALTH)
        self._replicas: list[Replica] = []
        self._waking, self._over = threading.Lock(), threading.Event()
        self._counting = threading.Lock()
        self._asked = self._busy = world.clock.now()
        self._in_flight = 0
        self._fewest, self._most = _bounds(spec)
        self._wanted = self._fewest  # servers

    @property
    def provisioned(self) -> int:
        """How many requests at once there are servers for."""
        return UNITS * sum(each.serves for each in list(self._replicas))

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Count a request for as long as it takes: more servers come where more are in flight."""
        with self._counting:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._counting:
                self._in_flight -= 1

    def bring_up(self, cancelled: threading.Event) -> None:
        """Start the servers and wait until all are healthy. Raises NotReady; none is left."""
        world, since = self._world, self._world.clock.now()
        if world.faults.take("stock-out", "serving:update_config", self._endpoint):
            raise self._failed("No capacity is available for the requested workload type.")
        unhealthy = world.faults.take("failed-health-check", "*", self._endpoint)
        self._start()
        while unhealthy or not self._healthy():
            ended = next((each for each in self._replicas if each.ended), None)
            if ended or unhealthy or world.clock.now() - since > STUCK:
                raise self._failed(_why(ended))
            if cancelled.wait(_LOOK_EVERY) or world.closing.is_set():
                raise NotReady("The update was cancelled.")
        self.state, self.message = READY, ""
        threading.Thread(target=self._watch, daemon=True).start()

    def take_down(self) -> None:
        """Stop all: what they answer now, they still answer."""
        self._over.set()
        self._stop()

    def url(self) -> str:
        """Return where one server is that can be asked, woken if it sleeps. Raises Refused."""
        self._asked = self._world.clock.now()
        with self._waking:
            if not self._replicas:
                self._start()
                while not self._healthy() and not any(each.ended for each in self._replicas):
                    if self._over.wait(_LOOK_EVERY):
                        break
                self.message = ""
        serving = [each for each in self._replicas if each.serves]
        if not serving:
            told = "The served model is temporarily unavailable. Please retry."
            raise Refused("TEMPORARILY_UNAVAILABLE", told, 503)
        return random.choice(serving).url  # noqa: S311 - no secret

    def kill(self) -> int:
        """Kill the servers that run; return how many."""
        running = [each for each in self._replicas if not each.ended]
        for each in running:
            each.container.end()
        return len(running)

    def _failed(self, why: str) -> NotReady:
        self._stop()
        self.state, self.message = FAILED, why
        return NotReady(why)

    def _start(self) -> None:
        self._wanted = self._fewest
        self._replicas = [self._one() for _ in range(self._wanted)]

    def _one(self) -> Replica:
        number, port = f"{next(_NUMBERS):04d}", next_port()
        name = str(self.spec["name"])
        folder = self._world.folder / "endpoints" / self._endpoint / name / number
        shutil.copytree(self._model, folder / "model")
        env = {
            **self._world.container_env(),
            **self._env,
            FOLDER: str(folder / "model"),
            PORT: str(port),
        }
        label = f"endpoint:{self._endpoint}/{name}"
        container = self._world.containers.run(label, folder, _SERVER, env, self.log.append)
        return Replica(container=container, url=f"http://127.0.0.1:{port}")

    def _healthy(self) -> bool:
        for each in self._replicas:
            if not each.ready:
                with contextlib.suppress(httpx.HTTPError):
                    each.ready = self._http.get(f"{each.url}/ping").status_code == httpx.codes.OK
        return all(each.serves for each in self._replicas)

    def _watch(self) -> None:
        """Replace servers that die, and put them to sleep where nobody asks for long."""
        while not self._over.wait(_LOOK_EVERY) and not self._world.closing.is_set():
            with self._waking:
                for number, each in enumerate(self._replicas):
                    if each.ended and not self._over.is_set():
                        self.state = RECOVERING
                        self._replicas[number] = self._one()
                if self._healthy():
                    self.state = READY
                if self._replicas:
                    self._scale()
                idle = self._world.clock.now() - self._asked > IDLE
                if idle and self._replicas and self.spec.get("scale_to_zero_enabled"):
                    self._stop()
                    self.message = "Scaled to zero"

    def _scale(self) -> None:
        """Have as many servers as requests in flight want; fewer only after a while."""
        now, load = self._world.clock.now(), -(-self._in_flight // UNITS)
        wanted = min(max(load, self._fewest), self._most)
        if wanted >= self._wanted:
            self._busy = now
        if wanted > self._wanted:
            self._replicas += [self._one() for _ in range(wanted - self._wanted)]
            self._wanted = wanted
        elif wanted < self._wanted and now - self._busy > SHRINK_AFTER:
            leaving, self._replicas = self._replicas[wanted:], self._replicas[:wanted]
            self._wanted = wanted
            self._end(leaving)

    def _stop(self) -> None:
        replicas, self._replicas = self._replicas, []
        self._end(replicas)

    def _end(self, replicas: list[Replica]) -> None:
        stops = [
            threading.Thread(
                target=each.container.stop,
                args=(self._world.clock,),
                kwargs={"grace": GRACE},
            )
            for each in replicas
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()


def _bounds(spec: Said) -> tuple[int, int]:
    """Return the fewest and the most servers of an entity."""
    fewest, most = _SIZES.get(spec.get("workload_size", ""), (UNITS, UNITS))
    fewest = int(spec.get("min_provisioned_concurrency") or fewest)
    most = int(spec.get("max_provisioned_concurrency") or most)
    return max(1, fewest // UNITS), max(1, most // UNITS)


def _why(ended: Replica | None) -> str:
    if ended is None:
        return "Served model is failing health checks. See the service logs for details."
    return (
        f"Container terminated with exit code {ended.container.poll()} while loading the model. "
        "See the service logs for details."
    )
