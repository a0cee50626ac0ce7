"""Ticks, added up to moments: who did how much at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

import numpy as np

from blocks.contracts import VariantTick
from tasks.rollout.evidence import Floats

SECONDS = 5.0  # of the shortest moment: shares and rates hardly change within
LONGEST = 10.0
GROWTH = 0.03  # of what is known of green, that a moment brings: less is not worth a look
LOWEST = -142  # bucket of a microsecond
BUCKETS = 400  # up to several minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one variant did in one moment."""

    requests: int
    errors: int
    users: int
    erring_users: int
    seconds: float
    latency: Floats  # (buckets,)
    predictions: Mapping[str, int]
    outcomes: Mapping[str, int]

    @classmethod
    def of(cls, ticks: Sequence[VariantTick], *, outcomes: Iterable[str], shift: int = 0) -> Counts:
        """Add ticks up; their latencies count as if they were so many buckets lower."""
        return cls(
            requests=sum(tick.requests for tick in ticks),
            errors=sum(min(tick.errors, tick.requests) for tick in ticks),
            users=sum(tick.users for tick in ticks),
            erring_users=sum(min(tick.erring_users, tick.users) for tick in ticks),
            seconds=sum(tick.seconds for tick in ticks),
            latency=_dense([tick.latency for tick in ticks], shift),
            predictions=_merged([tick.predictions for tick in ticks]),
            outcomes={name: sum(tick.outcomes.get(name, 0) for tick in ticks) for name in outcomes},
        )


@dataclass(slots=True, kw_only=True)
class Moment:
    """Ticks of both variants that are looked at together."""

    start: datetime
    blue: list[VariantTick] = field(default_factory=list)
    green: list[VariantTick] = field(default_factory=list)
    seconds: float = 0.0
    requests: tuple[int, int] = (0, 0)  # green's and both's

    def add(self, blue: VariantTick | None, green: VariantTick | None) -> None:
        """Add what both did in one tick."""
        mine, both = self.requests
        if blue is not None:
            self.blue.append(blue)
            both += blue.requests
        if green is not None:
            self.green.append(green)
            mine, both = mine + green.requests, both + green.requests
        self.requests = mine, both

    def join(self, later: Moment) -> None:
        """Add what both did next."""
        self.blue += later.blue
        self.green += later.green
        self.seconds += later.seconds
        (mine, both), (more, boths) = self.requests, later.requests
        self.requests = mine + more, both + boths


class Batches:
    """Adds ticks up to moments, cut by the clock and by counts, so that anyone cuts them alike.

    A moment is long enough to tell something new, and ends before green's share moves.
    """

    def __init__(self) -> None:
        self._piece: Moment | None = None  # the latest SECONDS, not complete yet
        self._open: Moment | None = None
        self._known = 0  # requests of green in the moments before

    def add(self, blue: VariantTick | None, green: VariantTick | None) -> list[Moment]:
        """Add what both did in one tick; return the moments that are complete by it."""
        tick = green if blue is None else blue
        if tick is None:
            return []
        at, done = tick.start.timestamp(), []
        number = at // SECONDS
        if self._piece is not None and self._piece.start.timestamp() // SECONDS != number:
            done += self._close(self._piece)
            self._piece = None
        piece = self._piece or Moment(start=tick.start)
        piece.seconds += tick.seconds
        piece.add(blue, green)
        self._piece = piece
        if at + tick.seconds >= (number + 1) * SECONDS:
            done += self._close(piece)
            self._piece = None
        return done

    def _close(self, piece: Moment) -> list[Moment]:
        """Join a complete piece to the open moment; return what is complete by that."""
        done: list[Moment] = []
        moment = self._open
        if moment is not None and not same_share(moment.requests, piece.requests):
            done, moment = [self._ended(moment)], None
        if moment is None:
            moment = piece
        else:
            moment.join(piece)
        self._open = moment
        if moment.requests[0] > GROWTH * self._known or moment.seconds >= LONGEST:
            done.append(self._ended(moment))
        return done

    def _ended(self, moment: Moment) -> Moment:
        self._known += moment.requests[0]
        self._open = None
        return moment


def same_share(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two pairs (green's, both's) may be of one share, by four standard deviations."""
    (green, both), (greens, boths) = one, other
    if not both or not boths:
        return True
    share = (green + greens) / (both + boths)
    variance = share * (1 - share) * (1 / both + 1 / boths)
    return (green / both - greens / boths) ** 2 <= 16 * variance


def _merged(each: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    if len(each) == 1:
        return each[0]
    found: dict[str, int] = {}
    for counts in each:
        for name, count in counts.items():
            found[name] = found.get(name, 0) + count
    return found


def _dense(sparse: Sequence[Mapping[int, int]], shift: int) -> Floats:
    size = sum(map(len, sparse))
    places = np.fromiter(chain.from_iterable(sparse), np.intp, size)
    counts = np.fromiter(chain.from_iterable(each.values() for each in sparse), np.float64, size)
    places -= LOWEST + shift
    if size and (places.min() < 0 or places.max() >= BUCKETS):
        places = places.clip(0, BUCKETS - 1)
    return np.bincount(places, counts, BUCKETS).astype(np.float64, copy=False)
