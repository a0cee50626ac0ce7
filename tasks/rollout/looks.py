"""Looking at two variants side by side: ticks in, verdicts out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from blocks.contracts import Monitor, VariantTick, Window
from tasks.rollout.judge import Judge
from tasks.rollout.moves import SETTLING, Move, Moves
from tasks.rollout.plot import Point
from tasks.rollout.verdict import Decision, Verdict, VerdictRules

SHADOW, LIVE = 0.5, 0.5  # shares of alpha: a version that is no worse must stand both
POINTS = 240  # of the picture; beyond, every other one is dropped
SPARSE = 16  # of the time looked at, between two points


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
        spent = SHADOW if mirrored else LIVE
        self._judge = Judge(rules, warmed=warmed, spent=spent)
        self._moves = Moves()
        self._next, self._every = start, every
        self._since, self._seen = start, 0
        self._at, self._percent = start, 0  # of the last look
        self._points: list[Point] = []

    def moved(self, move: Move) -> None:
        """Take in that green's share was changed, before looking at the time in which it was."""
        self._moves.add(move)

    def again(self, now: datetime, percent: int, *, since: datetime | None = None) -> Decision:
        """Fold what has come since the last look and decide by all of it.

        ``since`` is when green was given this percentage.
        """
        if since is not None and since != self._since:
            self._since, self._seen = since, 0
        for start, (blue, green) in self._pairs(Window(start=self._next, end=now)):
            settled = since is not None and start >= since + SETTLING and self._moves.settled(start)
            expected = percent / 100 if settled and not self._mirrored else None
            self._next = start + self._monitor.tick
            highest = self._moves.highest(start, self._next)
            self._judge.add(blue, green, expected=expected, highest=highest)
            if green is not None and start >= self._since:
                self._seen += green.requests
        self._at, self._percent = now, percent
        self._remember()
        return self._judge.decision

    def verdict(self) -> Verdict:
        """Say what the last look saw, and why."""
        verdict = self._judge.verdict()
        if self._every is None:
            return verdict
        return verdict.model_copy(update={"next_look": self._at + self._every})

    @property
    def points(self) -> Sequence[Point]:
        """What was seen over time, in few points; the last look is always among them."""
        if self._points and self._points[-1].at == self._at:
            return self._points
        return [*self._points, self._point()]

    @property
    def requests(self) -> int:
        """How many requests green has answered since it was given its percentage."""
        return self._seen

    def _pairs(self, window: Window) -> Sequence[tuple[datetime, list[VariantTick | None]]]:
        """Return what blue and green did at the same time, oldest first."""
        pairs: dict[datetime, list[VariantTick | None]] = {}
        for tick in self._monitor.ticks(self._endpoint, window):
            if self._counts(tick):
                pair = pairs.setdefault(tick.start, [None, None])
                pair[tick.variant == self._green] = tick
        return sorted(pairs.items(), key=itemgetter(0))

    def _remember(self) -> None:
        """Keep few points, however long it lasts: the longer, the further apart."""
        points, now = self._points, self._at
        if points and now - points[-1].at < (now - points[0].at) / SPARSE:
            return
        points.append(self._point())
        if len(points) > POINTS:
            self._points = [*points[:-1:2], points[-1]]

    def _point(self) -> Point:
        return Point(at=self._at, percent=self._percent, verdict=self._judge.verdict())

    def _counts(self, tick: VariantTick) -> bool:
        """Green's answers are live ones, or copies while in the shadow; blue's are always live."""
        if tick.variant == self._green:
            return tick.mirrored == self._mirrored
        return tick.variant == self._blue and not tick.mirrored


def moment(seconds: float, *, resolution: timedelta = timedelta(seconds=1)) -> datetime:
    """Return the clock reading as a time, cut down to the start of its tick."""
    step = resolution.total_seconds()
    return datetime.fromtimestamp(seconds // step * step, UTC)
