"""Looking at two variants side by side: ticks in, verdicts out."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from blocks.contracts import Monitor, VariantTick, Window
from tasks.rollout.judge import Judge
from tasks.rollout.plot import Point
from tasks.rollout.verdict import Verdict, VerdictRules

POINTS = 240  # of the picture; beyond, every other one is dropped
SETTLING = timedelta(seconds=10)  # requests that were under way when the split was changed


class Looks:
    """Folds the ticks of blue and green, from a start on, into one judge.

    Ticks never change once they can be read, so a process that takes over folds them again from
    the same start and knows what the one before it knew. ``warmed``: see Judge.
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
        warmed: bool = False,
        every: timedelta | None = None,
    ) -> None:
        self._monitor, self._endpoint = monitor, endpoint
        self._blue, self._green, self._mirrored = blue, green, mirrored
        self._judge = Judge(rules, warmed=warmed)
        self._next, self._every = start, every
        self._since, self._seen = start, 0
        self._apart = timedelta(0)
        self.points: list[Point] = []

    def again(self, now: datetime, percent: int, *, since: datetime | None = None) -> Verdict:
        """Fold what has come since the last look and judge all of it.

        ``since`` is when green was given this percentage.
        """
        if since is not None and since != self._since:
            self._since, self._seen = since, 0
        window = Window(start=self._next, end=now)
        pairs: dict[datetime, dict[str, VariantTick]] = defaultdict(dict)
        for tick in self._monitor.ticks(self._endpoint, window):
            if self._counts(tick):
                pairs[tick.start][tick.variant] = tick
        for start, pair in sorted(pairs.items()):
            green, settled = pair.get(self._green), start >= self._since + SETTLING
            expected = percent / 100 if settled and since and not self._mirrored else None
            self._judge.add(pair.get(self._blue), green, expected=expected)
            self._next = start + self._monitor.tick
            if green is not None and start >= self._since:
                self._seen += green.requests
        verdict = self._judge.verdict()
        if self._every is not None:
            verdict = verdict.model_copy(update={"next_look": now + self._every})
        self._remember(Point(at=now, percent=percent, verdict=verdict))
        return verdict

    @property
    def requests(self) -> int:
        """How many requests green has answered since it was given its percentage."""
        return self._seen

    def _remember(self, point: Point) -> None:
        """Keep few points, however long it lasts; the newest is always among them."""
        if len(self.points) > 1 and point.at - self.points[-2].at < self._apart:
            self.points.pop()
        self.points.append(point)
        if len(self.points) > POINTS:
            first, last = self.points[0].at, self.points[-1].at
            self._apart = (last - first) * 2 / POINTS
            self.points = [*self.points[:-1:2], point]

    def _counts(self, tick: VariantTick) -> bool:
        """Green's answers are live ones, or copies while in the shadow; blue's are always live."""
        if tick.variant == self._green:
            return tick.mirrored == self._mirrored
        return tick.variant == self._blue and not tick.mirrored


def moment(seconds: float, *, resolution: timedelta = timedelta(seconds=1)) -> datetime:
    """Return the clock reading as a time, cut down to the start of its tick."""
    step = resolution.total_seconds()
    return datetime.fromtimestamp(seconds // step * step, UTC)
