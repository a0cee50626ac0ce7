"""The last look: after 100 percent there is nothing to compare with, only a limit."""

from __future__ import annotations

from datetime import datetime

from scipy.stats import beta

from blocks.contracts import Monitor, Window

CERTAINTY = 0.999


class Bake:
    """Counts what green answers from ``start`` on. A tick is read once, however long it lasts."""

    def __init__(
        self, monitor: Monitor, endpoint: str, *, green: str, start: datetime, limit: float
    ) -> None:
        self._monitor, self._endpoint, self._green = monitor, endpoint, green
        self._limit, self._next = limit, start
        self._requests = self._errors = 0

    def again(self, now: datetime) -> str:
        """Take in what has come; return why green must go, or "" while it may stay.

        The lower end of the exact interval of its errors (Clopper and Pearson, Biometrika 1934)
        must exceed the limit.
        """
        for tick in self._monitor.ticks(self._endpoint, Window(start=self._next, end=now)):
            self._next = tick.start + self._monitor.tick
            if tick.variant == self._green:
                self._requests += tick.requests
                self._errors += tick.errors
        return self._too_many()

    def _too_many(self) -> str:
        if not self._errors:
            return ""
        fine = self._requests - self._errors
        if float(beta.ppf(1 - CERTAINTY, self._errors, fine + 1)) <= self._limit:
            return ""
        told = f"{self._errors} of {self._requests} requests failed at 100 %"
        return f"{told}, the limit is {self._limit:.0%}"
