"""Makes one endpoint what it should be, for as long as it should be anything.

It looks at what is desired and at what is there, and does the next small thing that brings them
together. It remembers nothing that is not in files, so it may die at any moment and start again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from blocks.contracts import Unavailable, VariantTick
from blocks.providers.local.desired import Desired, EndpointFolder, ObservedVariant
from blocks.providers.local.processes import alive, spawn, stop
from blocks.providers.local.replicas import Replica, Replicas
from blocks.providers.local.router import (
    SERVERS,
    Counters,
    Runtime,
    binary,
    configuration,
    runtime_socket,
)
from blocks.providers.local.scaling import Scaling
from blocks.serving.config import ENDPOINT_TOKEN, MirrorTarget

log = logging.getLogger(__name__)

LOOP = 0.1  # seconds between two looks
START_LIMIT = 120.0  # seconds that a replica may take until it listens
BACKOFF = 0.5  # seconds before the first restart; doubles with every death, up to 30
IDLE = 3.0  # seconds without any variant, after which router and supervisor leave


class Supervisor:
    """One process's hold on one endpoint."""

    def __init__(self, folder: EndpointFolder, *, owner: str, token: str) -> None:
        self._folder, self._owner = folder, owner
        self._replicas = Replicas(folder, owner=owner, endpoint_token=token)
        self._runtime = Runtime(runtime_socket(folder.path))
        self._observed = folder.observed()
        self._listener: socket.socket | None = None
        self._scaling: dict[str, Scaling] = {}
        self._lost: dict[str, int] = {}
        self._tick = int(time.time())
        self._empty_since = time.monotonic()

    def run(self) -> None:
        """Look and act until the endpoint has had no variant for a while."""
        while True:
            desired = self._folder.desired()
            if desired.variants:
                self._empty_since = time.monotonic()
            try:
                self._step(desired)
            except (OSError, Unavailable) as error:
                log.warning("%s", error)
                self._note(problem=str(error))
            gone = time.monotonic() - self._empty_since > IDLE
            if gone and not any(self._replicas.known()):
                self._close()
                return
            time.sleep(LOOP)

    def _step(self, desired: Desired) -> None:
        self._route(desired)
        counters = self._runtime.counters()
        self._count_lost(desired, counters)
        states = {name: self._variant(desired, name, counters) for name in sorted(desired.variants)}
        self._dismiss(desired)
        self._split(desired)
        self._mirror(desired)
        self._note(revision=desired.revision, variants=states, problem="")

    def _route(self, desired: Desired) -> None:
        """See that the router runs. Its socket stays open here, so that callers wait, not fail."""
        router = self._observed.router
        if router is not None and alive(router) and self._answers():
            return
        if router is not None:
            stop(router, grace=1)
        if not desired.variants:
            return
        port = self._listen()
        folder = self._folder
        for file, entries in ((folder.slots, _slots(desired)), (folder.map, _names(desired))):
            file.write_text("".join(f"{key} {value}\n" for key, value in entries.items()))
        newest = max(desired.variants.values(), key=lambda each: each.started)
        text = configuration(
            folder.path,
            newest.request.serving,
            token=folder.internal_token(),
            bind=f"fd@{self._listening.fileno()}",
            ports=self._ports(desired),
        )
        file = folder.path / "haproxy.cfg"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(text)
        identity = spawn(
            [binary(), "-db", "-f", str(file)],
            owner=self._owner,
            resource=f"endpoint/{folder.path.name}",
            log=folder.path / "haproxy.log",
            pass_fds=[self._listening.fileno()],
        )
        self._note(port=port, router=identity)
        end = time.monotonic() + 10
        while not self._answers():
            if time.monotonic() > end or not alive(identity):
                raise Unavailable(f"the router does not start; see {folder.path / 'haproxy.log'}")
            time.sleep(0.02)

    def _ports(self, desired: Desired) -> dict[str, int]:
        """Return where requests can go at once, so that a router that died is not missed."""
        found = {}
        for replica in self._replicas.known():
            wanted, port = desired.variants.get(replica.variant), self._replicas.port(replica)
            if wanted is not None and port is not None and self._replicas.lives(replica):
                found[f"{wanted.backend}/{replica.server}"] = port
        return found

    @property
    def _listening(self) -> socket.socket:
        if self._listener is None:
            raise Unavailable("no port is open yet")
        return self._listener

    def _listen(self) -> int:
        if self._listener is None:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", self._observed.port))
            except OSError as error:
                raise Unavailable(
                    f"port {self._observed.port} of this endpoint is taken by another program: "
                    f"{error}; stop that program",
                    code="PORT",
                ) from error
            listener.listen(4096)
            self._listener = listener
        return int(self._listener.getsockname()[1])

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return "Name: HAProxy" in self._runtime.ask("show info")
        return False

    def _variant(
        self, desired: Desired, name: str, counters: Mapping[str, Counters]
    ) -> ObservedVariant:
        """Bring one variant nearer to the replicas it should have."""
        wanted = desired.variants[name]
        state = self._observed.variants.get(name, ObservedVariant())
        mine = [replica for replica in self._replicas.known() if replica.variant == name]
        dead = [replica for replica in mine if not self._replicas.lives(replica)]
        for replica in dead:
            self._runtime.close(wanted.backend, replica.server)
            words = self._replicas.last_words(replica)
            log.warning("replica %s died: %s", replica.name, words)
            state = state.model_copy(update={"deaths": state.deaths + 1, "message": words})
            self._replicas.clear(replica)
        live = [replica for replica in mine if replica not in dead]
        counted = counters[wanted.backend]
        ready = 0
        for replica in live:
            ready += self._admit(wanted.backend, replica, counted)
        if ready:
            state = state.model_copy(update={"deaths": 0, "ever_ready": True})
        self._resize(desired, name, live, counted, state)
        return state.model_copy(update={"ready": ready})

    def _admit(self, backend: str, replica: Replica, counted: Counters) -> bool:
        """Give a replica that listens to the router; whether it answers its health check."""
        port = self._replicas.port(replica)
        if port is None:
            if time.time() - replica.started > START_LIMIT:
                stop(replica.identity, grace=1)
            return False
        key = f"{backend}/{replica.server}"
        known_port, takes = self._runtime.addresses().get(key, (0, False))
        if known_port != port or not takes:
            self._runtime.serve(backend, replica.server, port)
            return False
        return counted.up.get(replica.server, False)

    def _resize(
        self,
        desired: Desired,
        name: str,
        live: list[Replica],
        counted: Counters,
        state: ObservedVariant,
    ) -> None:
        wanted = desired.variants[name]
        scaling = self._scaling.setdefault(name, Scaling(wanted.request))
        target = scaling.target(counted.in_flight + counted.queued, len(live), time.monotonic())
        if len(live) < target and scaling.may_start(state.deaths, time.monotonic()):
            taken = {replica.server for replica in live}
            server = next(
                (name for i in range(1, SERVERS + 1) if (name := f"s{i}") not in taken), None
            )
            if server is not None:
                self._replicas.start(wanted, server)
        elif len(live) > target:
            self._retire(wanted.backend, live[-1])

    def _dismiss(self, desired: Desired) -> None:
        """Let the replicas of variants that are no longer wanted finish and go."""
        for replica in self._replicas.known():
            if replica.variant in desired.variants:
                continue
            backend = self._runtime.map(self._folder.map).get(replica.variant)
            if self._replicas.lives(replica):
                self._retire(backend, replica)
            else:
                if backend is not None:
                    self._runtime.close(backend, replica.server)
                self._replicas.clear(replica)

    def _retire(self, backend: str | None, replica: Replica) -> None:
        if backend is not None:
            self._runtime.drain(backend, replica.server)
        self._replicas.leave(replica)

    def _split(self, desired: Desired) -> None:
        """Give each variant its share; one that is leaving can still be asked by name."""
        slots = _slots(desired)
        if self._runtime.map(self._folder.slots) != slots:
            self._runtime.set_map(self._folder.slots, slots)
        names = _names(desired)
        leaving = self._runtime.map(self._folder.map)
        kept = {replica.variant for replica in self._replicas.known()}
        names |= {name: backend for name, backend in leaving.items() if name in kept - set(names)}
        if leaving != names:
            self._runtime.set_map(self._folder.map, names)

    def _mirror(self, desired: Desired) -> None:
        file, mirror = self._folder.mirror, desired.mirror
        if mirror is None:
            file.unlink(missing_ok=True)
            return
        url = f"http://127.0.0.1:{self._observed.port}"
        text = MirrorTarget(
            url=url, variant=mirror.variant, percent=mirror.percent
        ).model_dump_json()
        if not file.exists() or file.read_text() != text:
            draft = file.with_name(".mirror.json")
            draft.write_text(text)
            draft.replace(file)

    def _count_lost(self, desired: Desired, counters: Mapping[str, Counters]) -> None:
        """Once a tick, blame each variant for the requests that none of its servers answered."""
        tick = int(time.time())
        if tick == self._tick:
            return
        place = self._folder.telemetry / "ticks"
        place.mkdir(parents=True, exist_ok=True)
        for name, wanted in desired.variants.items():
            lost = counters[wanted.backend].lost
            fresh = max(0, lost - self._lost.get(wanted.backend, lost))
            self._lost[wanted.backend] = lost
            value = VariantTick(
                variant=name,
                start=datetime.fromtimestamp(self._tick, UTC),
                seconds=1,
                requests=fresh,
                errors=fresh,
            )
            with (place / f"{name}.router.{os.getpid()}.jsonl").open("a") as file:
                file.write(json.dumps(value.model_dump(mode="json")) + "\n")
        self._tick = tick

    def _note(self, **changes: object) -> None:
        after = self._observed.model_copy(update=changes)
        if after != self._observed:
            self._observed = after
            self._folder.observe(after)

    def _close(self) -> None:
        if self._observed.router is not None:
            stop(self._observed.router, grace=2)
        runtime_socket(self._folder.path).unlink(missing_ok=True)
        self._note(router=None)


def _slots(desired: Desired) -> dict[str, str]:
    """Return which backend has which of the hundred slots; the newest variant has the first ones.

    A share that grows keeps the slots it had, so a user, whose slot is fixed, moves at most once.
    """
    slots: dict[str, str] = {}
    for name in sorted(desired.percent, key=lambda each: -desired.variants[each].started):
        for _ in range(desired.percent[name]):
            slots[str(len(slots))] = desired.variants[name].backend
    return slots


def _names(desired: Desired) -> dict[str, str]:
    return {name: each.backend for name, each in desired.variants.items()}


@contextlib.contextmanager
def alone(folder: EndpointFolder) -> Iterator[bool]:
    """Yield whether this process is the only supervisor of the endpoint."""
    with (folder.path / "supervisor.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--owner", required=True)
def main(folder: Path, owner: str) -> None:
    """Supervise the endpoint that is described in a folder."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    endpoint = EndpointFolder(folder)
    with alone(endpoint) as only:
        if only:
            Supervisor(endpoint, owner=owner, token=os.environ.get(ENDPOINT_TOKEN, "")).run()


if __name__ == "__main__":
    main()
