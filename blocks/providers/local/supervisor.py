"""Makes one endpoint what it should be, for as long as it should be anything.

It looks at what is desired and at what is there, and does the next small thing that brings them
together. It remembers nothing that is not in files, so it may die at any moment and start again.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from blocks.contracts import Unavailable
from blocks.providers.local.desired import (
    Desired,
    DesiredVariant,
    EndpointFolder,
    ObservedVariant,
)
from blocks.providers.local.processes import stop
from blocks.providers.local.replicas import Replica, Replicas
from blocks.providers.local.router import SERVERS
from blocks.providers.local.routing import Routing
from blocks.providers.local.runtime import Counters
from blocks.providers.local.scaling import Scaling
from blocks.serving.config import ENDPOINT_TOKEN

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
        observed = self._observed = folder.observed()
        self._routing = Routing(folder, owner=owner, port=observed.port, router=observed.router)
        self._runtime = self._routing.runtime
        self._scaling: dict[str, Scaling] = {}  # by the token of a variant
        self._seen: list[Replica] = []
        self._empty_since = time.monotonic()

    def run(self) -> None:
        """Look and act until the endpoint has had no variant for a while, or its folder is gone."""
        while self._folder.path.exists():
            desired = self._folder.desired()
            if desired.variants:
                self._empty_since = time.monotonic()
            try:
                self._step(desired)
            except (OSError, Unavailable) as error:
                if self._folder.path.exists():
                    self._tell(str(error))
            gone = time.monotonic() - self._empty_since > IDLE
            if gone and not any(self._replicas.known()):
                self._routing.close()
                self._note(router=None)
                return
            time.sleep(LOOP)
        for replica in self._seen:
            stop(replica.identity, grace=2)
        self._routing.close()

    def _step(self, desired: Desired) -> None:
        self._seen = list(self._replicas.known())
        routing = self._routing
        if not routing.keep_up(desired, self._ports(desired)):
            self._dismiss(desired)
            return
        self._note(port=routing.port, router=routing.router)
        counters = self._runtime.counters(each.backend for each in desired.variants.values())
        routing.count_lost(desired, counters)
        states = {name: self._variant(desired, name, counters) for name in sorted(desired.variants)}
        self._dismiss(desired)
        routing.follow(desired, {replica.variant for replica in self._replicas.known()})
        self._note(revision=desired.revision, variants=states, problem="")

    def _tell(self, problem: str) -> None:
        """Log a problem once, and keep it where callers can read it."""
        if problem != self._observed.problem:
            log.warning("%s", problem)
        self._note(problem=problem)

    def _ports(self, desired: Desired) -> dict[str, int]:
        """Return where requests can go at once, so that a router that died is not missed."""
        found = {}
        for replica in self._replicas.known():
            wanted, port = desired.variants.get(replica.variant), self._replicas.port(replica)
            if wanted is not None and port is not None and self._is_of(wanted, replica):
                found[f"{replica.backend}/{replica.server}"] = port
        return found

    def _is_of(self, wanted: DesiredVariant | None, replica: Replica) -> bool:
        """Whether a live server is of this variant, and not of one that had its name before."""
        if wanted is None or replica.backend != wanted.backend:
            return False
        return self._replicas.lives(replica)

    def _variant(
        self, desired: Desired, name: str, counters: Mapping[str, Counters]
    ) -> ObservedVariant:
        """Bring one variant nearer to the replicas it should have."""
        wanted = desired.variants[name]
        state = self._observed.of(wanted) or ObservedVariant(started=wanted.started)
        mine = [
            replica
            for replica in self._replicas.known()
            if (replica.variant, replica.backend) == (name, wanted.backend)
        ]
        dead = [replica for replica in mine if not self._replicas.lives(replica)]
        for replica in dead:
            self._runtime.close(wanted.backend, replica.server)
            words = self._replicas.last_words(replica)
            log.warning("replica %s died: %s", replica.name, words)
            state = state.model_copy(update={"deaths": state.deaths + 1, "message": words})
            self._replicas.clear(replica)
        live = [replica for replica in mine if replica not in dead]
        counted = counters[wanted.backend]
        known = self._runtime.addresses(wanted.backend) if live else {}
        ready = sum(self._admit(wanted, each, counted, known) for each in live)
        if ready:
            state = state.model_copy(update={"deaths": 0, "ever_ready": True})
        self._resize(desired, name, live, counted, state)
        return state.model_copy(update={"ready": ready})

    def _admit(
        self,
        wanted: DesiredVariant,
        replica: Replica,
        counted: Counters,
        known: Mapping[str, tuple[int, bool]],
    ) -> bool:
        """Give a replica that listens to the router; whether it answers its health check."""
        port = self._replicas.port(replica)
        if port is None:
            if time.time() - replica.started > START_LIMIT:
                stop(replica.identity, grace=1)
            return False
        known_port, takes = known.get(replica.server, (0, False))
        if known_port != port or not takes:
            concurrency = wanted.request.serving.concurrency
            self._runtime.serve(wanted.backend, replica.server, port, concurrency=concurrency)
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
        scaling = self._scaling.setdefault(wanted.token, Scaling(wanted.request))
        target = scaling.target(counted.in_flight + counted.queued, len(live), time.monotonic())
        if len(live) < target and scaling.may_start(state.deaths, time.monotonic()):
            taken = {replica.server for replica in live}
            server = next(
                (name for i in range(1, SERVERS + 1) if (name := f"s{i}") not in taken), None
            )
            if server is not None:
                self._replicas.start(wanted, server)
        elif len(live) > target:
            self._retire(live[-1])

    def _dismiss(self, desired: Desired) -> None:
        """Let the replicas of variants that are no longer wanted finish and go."""
        for replica in self._replicas.known():
            wanted = desired.variants.get(replica.variant)
            if wanted is not None and wanted.backend == replica.backend:
                continue
            if self._replicas.lives(replica):
                self._retire(replica)
            else:
                with contextlib.suppress(OSError):  # with the router gone, its server is, too
                    self._runtime.close(replica.backend, replica.server)
                self._replicas.clear(replica)

    def _retire(self, replica: Replica) -> None:
        with contextlib.suppress(OSError):
            self._runtime.drain(replica.backend, replica.server)
        self._replicas.leave(replica)

    def _note(self, **changes: object) -> None:
        after = self._observed.model_copy(update=changes)
        if after != self._observed:
            self._observed = after
            self._folder.observe(after)


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
