"""How many replicas a variant should have right now."""

from __future__ import annotations

from blocks.contracts import VariantRequest

BUSY = 0.7  # share of the concurrency in use above which one more is started
QUIET = 0.3  # and below which one fewer is kept
UP_AFTER, DOWN_AFTER = 2.0, 60.0  # seconds that must hold first
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds before a dead replica is started again


class Scaling:
    """Follows the requests in flight between the least and the most replicas."""

    def __init__(self, request: VariantRequest) -> None:
        self._least, self._most = request.min_replicas, request.max_replicas
        self._concurrency = request.serving.concurrency
        self._target = self._least
        self._busy_since: float | None = None
        self._quiet_since: float | None = None
        self._started = -LONGEST_WAIT

    def target(self, in_flight: int, live: int, now: float) -> int:
        """Return the number of replicas to have; ``now`` is a monotonic clock in seconds."""
        used = in_flight / (max(live, 1) * self._concurrency)
        self._busy_since = _since(self._busy_since, now) if used > BUSY else None
        self._quiet_since = _since(self._quiet_since, now) if used < QUIET else None
        if self._busy_since is not None and now - self._busy_since >= UP_AFTER:
            self._target, self._busy_since = min(self._target + 1, self._most), None
        if self._quiet_since is not None and now - self._quiet_since >= DOWN_AFTER:
            self._target, self._quiet_since = max(self._target - 1, self._least), None
        return self._target

    def may_start(self, deaths: int, now: float) -> bool:
        """Whether to start a replica now, or to wait a little longer after so many deaths."""
        wait = min(FIRST_WAIT * 2 ** (deaths - 1), LONGEST_WAIT) if deaths else 0.0
        if now - self._started < wait:
            return False
        self._started = now
        return True


def _since(before: float | None, now: float) -> float:
    return now if before is None else before
