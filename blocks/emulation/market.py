"""A spot market that takes the machines of an emulated cloud's training jobs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from blocks.contracts import OperationRef, Phase, ProviderError, TrainingJobs
from blocks.spot_trace import Tape

MIDDLE = 0.4  # share of the work after which a machine is taken
_LOOK_EVERY = 0.3  # seconds


class SpotMarket:
    """Takes the machines of spot jobs: one in the middle of its training, or as a trace says.

    ``running`` returns the ids of jobs that have a machine now, ``take`` takes the one of a job;
    it raises ValueError where the job has none any more.
    """

    def __init__(
        self,
        jobs: TrainingJobs,
        running: Callable[[], Sequence[str]],
        take: Callable[[str], None],
        *,
        once: bool,
        tape: Tape | None,
    ) -> None:
        self._jobs, self._running, self._take = jobs, running, take
        self._once, self._tape = once, tape
        self._began = time.monotonic()
        self._first_seen: dict[str, float] = {}  # spot jobs, in the order of their machines
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.taken: list[str] = []  # jobs whose machines were taken

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_EVERY):
            for name in self._running():
                if name not in self.taken and self._is_due(name):
                    with contextlib.suppress(ValueError):  # it has just ended by itself
                        self._take(name)
                        self.taken.append(name)

    def _is_due(self, name: str) -> bool:
        done = self._done(name)
        if done is None:
            return False
        now = time.monotonic()
        seen = self._first_seen.setdefault(name, now)
        if self._once and not self.taken and done >= MIDDLE:
            return True
        tape = self._tape
        if tape is None:
            return False
        if tape.data:
            return not tape.tick(now - self._began)
        number = list(self._first_seen).index(name)
        return number < len(tape.lifetimes) and now - seen >= tape.lifetimes[number]

    def _done(self, name: str) -> float | None:
        """Return the share that a spot job which runs has done; None for anything else."""
        provider = self._jobs.provider
        ref = OperationRef(provider=provider, capability="training", id=name, token="")
        try:
            status = self._jobs.status(ref)
        except ProviderError:
            return None  # a fault of the rehearsal
        spot = status.usage is not None and status.usage.spot
        return (status.progress or 0.0) if spot and status.phase is Phase.RUNNING else None
