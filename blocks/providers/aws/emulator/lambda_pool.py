"""The execution environments of one version: those kept ready, and those started when needed."""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

from blocks.providers.aws.emulator.lambda_sandbox import Sandbox, Work
from blocks.providers.aws.emulator.world import World

_NUMBERS = itertools.count(1)
_LOOK_EVERY = 0.05  # of our own seconds


class Pool:
    """Gives every event an environment of its own for as long as it takes."""

    def __init__(self, world: World, config: dict[str, Any], version: str, label: str) -> None:
        self._world, self._config, self._version, self._label = world, config, version, label
        self._lock = threading.Lock()
        self._idle: list[Sandbox] = []
        self._all: list[Sandbox] = []
        self._kept = 0
        self.broken = False  # an environment that was to be kept ready did not come up
        self._over = threading.Event()

    def keep(self, count: int) -> None:
        """Keep so many ready from now on."""
        with self._lock:
            before, self._kept = self._kept, count
        if not before and count:
            self.broken = False
            threading.Thread(target=self._watch, daemon=True).start()

    def ready(self) -> int:
        """Return how many of those that are kept can be asked."""
        with self._lock:
            alive = [each for each in self._all if each.alive and each.asked_for_work.is_set()]
        return min(len(alive), self._kept)

    def busy(self) -> int:
        """Return how many environments have work."""
        with self._lock:
            alive = [each for each in self._all if each.alive]
            return len(alive) - sum(each.alive for each in self._idle)

    def do(self, payload: bytes, *, within: float) -> Work:
        """Let an environment do it: one that is idle, or a new one."""
        sandbox = self._taken() or self._new()
        ready = sandbox.initialized()
        work = Work(payload=payload, deadline=self._world.clock.now() + within)
        if not ready:
            failure = sandbox.failure or {
                "errorType": "Runtime.ExitError",
                "errorMessage": "the runtime exited before it asked for work",
            }
            sandbox.end()
            work.answer, work.failed = json.dumps(failure).encode(), True
            return work
        done = sandbox.do(work)
        with self._lock:
            if sandbox.alive:
                self._idle.append(sandbox)
        return done

    def kill(self) -> int:
        """Kill every environment, as a fault of the machine does; return how many."""
        with self._lock:
            alive = [each for each in self._all if each.alive]
        for each in alive:
            each.end()
        return len(alive)

    def end(self) -> None:
        """Let no environment live."""
        self._over.set()
        self._kept = 0
        self.kill()

    def _taken(self) -> Sandbox | None:
        with self._lock:
            while self._idle:
                if (sandbox := self._idle.pop()).alive:
                    return sandbox
        return None

    def _new(self) -> Sandbox:
        name = f"{self._config['FunctionName']}/{self._label or self._version}-{next(_NUMBERS)}"
        sandbox = Sandbox(self._world, name, self._config, self._version)
        with self._lock:
            self._all = [each for each in self._all if each.alive] + [sandbox]
        if self._over.is_set():  # the version was deleted while this one was started
            sandbox.end()
        return sandbox

    def _watch(self) -> None:
        """See that as many as are kept are there; give up when one does not come up."""
        while self._kept and not self._over.is_set() and not self._world.closing.is_set():
            with self._lock:
                missing = self._kept - sum(each.alive for each in self._all)
            for _ in range(missing):
                sandbox = self._new()
                if not sandbox.initialized():
                    sandbox.end()
                    self.broken = not self._over.is_set()
                    if self.broken:
                        return
                    continue
                with self._lock:
                    self._idle.append(sandbox)
            self._over.wait(_LOOK_EVERY)
