"""Looking at two variants side by side: ticks in, verdicts out."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from blocks.contracts import Monitor, VariantTick, Window
from tasks.rollout.plot import Point
from tasks.rollout.verdict import Judge, Verdict, VerdictRules


class Looks:
    """Folds the ticks of blue and green, from a start on, into one judge.

    Ticks never change once they can be read, so a process that takes over folds them again from
    the same start and knows what the one before it knew.
    """

    def __init__(
        self,
        monitor: Monitor,
        endpoint: str,
        rules: VerdictRules,
        *,
        blue: str,
        green: str,
        start: datetime,
        mirrored: bool,
    ) -> None:
        self._monitor, self._endpoint = monitor, endpoint
        self._blue, self._green, self._mirrored = blue, green, mirrored
        self._judge = Judge(rules)
        self._next = start
        self._greens: list[tuple[datetime, int]] = []
        self.points: list[Point] = []

    def again(self, now: datetime, percent: int) -> Verdict:
        """Fold what has come since the last look and judge all of it."""
        window = Window(start=self._next, end=now)
        pairs: dict[datetime, dict[str, VariantTick]] = defaultdict(dict)
        for tick in self._monitor.ticks(self._endpoint, window):
            if self._counts(tick):
                pairs[tick.start][tick.variant] = tick
        for start, pair in sorted(pairs.items()):
            green = pair.get(self._green)
            self._judge.add(pair.get(self._blue), green)
            self._next = start + self._monitor.tick
            if green is not None and green.requests:
                self._greens.append((start, green.requests))
        verdict = self._judge.verdict()
        self.points.append(Point(at=now, percent=percent, verdict=verdict))
        return verdict

    def requests_since(self, start: datetime) -> int:
        """Return how many requests green has answered since then."""
        return sum(count for at, count in self._greens if at >= start)

    def _counts(self, tick: VariantTick) -> bool:
        """Green's answers are live ones, or copies while in the shadow; blue's are always live."""
        if tick.variant == self._green:
            return tick.mirrored == self._mirrored
        return tick.variant == self._blue and not tick.mirrored


def moment(seconds: float, *, resolution: timedelta = timedelta(seconds=1)) -> datetime:
    """Return the clock reading as a time, cut down to the start of its tick."""
    step = resolution.total_seconds()
    return datetime.fromtimestamp(seconds // step * step, UTC)
