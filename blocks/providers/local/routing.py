"""The router of one endpoint as it runs: kept up, and kept in step with what is desired."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from blocks.contracts import Unavailable, VariantTick
from blocks.providers.local.desired import Desired, EndpointFolder
from blocks.providers.local.processes import Identity, alive, spawn, stop
from blocks.providers.local.router import binary, configuration, limits, runtime_socket
from blocks.providers.local.runtime import Counters, Runtime
from blocks.providers.local.slices import take_short_turns
from blocks.serving.config import MirrorTarget

START_WITHIN = 10.0  # seconds for HAProxy to answer
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds before one that did not start is tried again


class Routing:
    """One supervisor's hold on the router of its endpoint."""

    def __init__(
        self, folder: EndpointFolder, *, owner: str, port: int, router: Identity | None
    ) -> None:
        self.port, self.router = port, router
        self.runtime = Runtime(runtime_socket(folder.path))
        self._folder, self._owner = folder, owner
        self._listener: socket.socket | None = None
        self._failures, self._not_before = 0, 0.0
        self._lost: dict[str, int] = {}
        self._tick = int(time.time())

    def keep_up(self, desired: Desired, ports: Mapping[str, int]) -> bool:
        """See that the router runs; whether it does.

        Its socket stays open here, so that while it starts again callers wait and do not fail.
        ``ports`` says which ``backend/server`` takes requests at once. Raises Unavailable if it
        does not start; it is tried again after a while that doubles.
        """
        if self.router is not None and alive(self.router) and self._answers():
            return True
        if self.router is not None:
            stop(self.router, grace=1)
        if not desired.variants or time.monotonic() < self._not_before:
            return False
        try:
            self._start(desired, ports)
        except (OSError, Unavailable):
            wait = min(FIRST_WAIT * 2.0**self._failures, LONGEST_WAIT)
            self._failures, self._not_before = self._failures + 1, time.monotonic() + wait
            raise
        self._failures = 0
        return True

    def follow(self, desired: Desired, kept: set[str]) -> None:
        """Put shares, names, limits and the mirror in force, each at once.

        ``kept`` are the variants with servers: one that is leaving can still be asked by name.
        """
        runtime, folder = self.runtime, self._folder
        names, leaving = _names(desired), runtime.map(folder.map)
        names |= {name: leaving[name] for name in kept - set(names) if name in leaving}
        limits_known, slots_known = runtime.map(folder.limits), runtime.map(folder.slots)
        for file, wanted, known in (
            (folder.limits, _limits(desired) or limits_known, limits_known),
            (folder.slots, _slots(desired), slots_known),
            (folder.map, names, leaving),
        ):
            if wanted != known:
                runtime.set_map(file, wanted)
        self._mirror(desired)

    def count_lost(self, desired: Desired, counters: Mapping[str, Counters]) -> None:
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
                users=fresh,
                erring_users=fresh,
            )
            with (place / f"{name}.router.{os.getpid()}.jsonl").open("a") as file:
                file.write(value.to_json() + "\n")
        self._tick = tick

    def close(self) -> None:
        """Stop the router."""
        if self.router is not None:
            stop(self.router, grace=2)
        runtime_socket(self._folder.path).unlink(missing_ok=True)
        self.router = None

    def _start(self, desired: Desired, ports: Mapping[str, int]) -> None:
        listener, folder = self._listening(), self._folder
        for file, entries in (
            (folder.slots, _slots(desired)),
            (folder.map, _names(desired)),
            (folder.limits, _limits(desired)),
        ):
            file.write_text("".join(f"{key} {value}\n" for key, value in entries.items()))
        newest = max(desired.variants.values(), key=lambda each: each.started)
        text = configuration(
            folder.path,
            newest.request.serving,
            token=folder.internal_token(),
            bind=f"fd@{listener.fileno()}",
            ports=ports,
        )
        file, log = folder.path / "haproxy.cfg", folder.path / "haproxy.log"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(text)
        self.router = spawn(
            [binary(), "-db", "-f", str(file)],
            owner=self._owner,
            resource=f"endpoint/{folder.path.name}",
            log=log,
            pass_fds=[listener.fileno()],
        )
        take_short_turns(self.router.pid)
        self.port = int(listener.getsockname()[1])
        end = time.monotonic() + START_WITHIN
        while not self._answers():
            if time.monotonic() > end or not alive(self.router):
                words = log.read_text(errors="replace")[-300:].strip()
                raise Unavailable(f"the router does not start; {log} ends: {words}", code="ROUTER")
            time.sleep(0.02)

    def _listening(self) -> socket.socket:
        """Return the endpoint's socket; its port stays the same for as long as it lives."""
        if self._listener is None:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", self.port))
            except OSError as error:
                listener.close()
                raise Unavailable(
                    f"port {self.port} of endpoint {self._folder.path.name!r} is taken by another "
                    f"program ({error}); stop that program, and the endpoint comes back by itself",
                    code="PORT",
                ) from error
            listener.listen(4096)
            self._listener = listener
        return self._listener

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return "Name: HAProxy" in self.runtime.ask("show info")
        return False

    def _mirror(self, desired: Desired) -> None:
        file, mirror = self._folder.mirror, desired.mirror
        if mirror is None:
            file.unlink(missing_ok=True)
            return
        target = MirrorTarget(
            url=f"http://127.0.0.1:{self.port}", variant=mirror.variant, percent=mirror.percent
        )
        text = target.model_dump_json()
        if not file.exists() or file.read_text() != text:
            draft = file.with_name(".mirror.json")
            draft.write_text(text)
            draft.replace(file)


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


def _limits(desired: Desired) -> dict[str, str]:
    servings = [each.request.serving for each in desired.variants.values()]
    return limits(servings) if servings else {}
