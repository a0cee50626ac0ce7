"""The time of an emulated cloud: it runs faster when told, and can be moved on."""

from __future__ import annotations

import threading
import time


class Clock:
    """Seconds since the epoch as the cloud counts them. Safe to use from many threads."""

    def __init__(self, *, speed: float = 1.0) -> None:
        self._changed = threading.Condition()
        self._speed = speed
        self._real, self._told = time.time(), time.time()

    def now(self) -> float:
        """Return the cloud's time."""
        with self._changed:
            return self._now()

    def advance(self, seconds: float) -> None:
        """Let that much time pass at once; whoever waits for it wakes up."""
        with self._changed:
            self._real, self._told = time.time(), self._now() + seconds
            self._changed.notify_all()

    def run_at(self, speed: float) -> None:
        """Let the cloud's time run ``speed`` times as fast as ours."""
        with self._changed:
            self._told, self._real = self._now(), time.time()
            self._speed = speed
            self._changed.notify_all()

    def wait(self, stop: threading.Event, *, until: float, look_every: float = 0.05) -> bool:
        """Wait for a moment; return whether ``stop`` was set first, at the latest a look after."""
        with self._changed:
            while not stop.is_set():
                left = (until - self._now()) / self._speed
                if left <= 0:
                    return False
                self._changed.wait(min(left, look_every))
        return True

    def _now(self) -> float:
        return self._told + (time.time() - self._real) * self._speed
