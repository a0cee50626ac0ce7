"""How many requests a second each caller may send."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

CALLERS = 10_000  # remembered at most; who has not called for longest is forgotten first


class TokenBuckets:
    """One token bucket for each caller: ``rate`` a second, a burst of one second's worth."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = monotonic) -> None:
        self._rate, self._size, self._clock = rate, max(1.0, rate), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now = self._clock()
        left, at = self._buckets.pop(caller, (self._size, now))
        left = min(self._size, left + (now - at) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._buckets[caller] = (left if wait else left - 1, now)
        if len(self._buckets) > CALLERS:
            self._buckets.popitem(last=False)
        return wait
