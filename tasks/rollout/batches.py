"""Ticks, added up to pieces and moments: who did how much at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from blocks.contracts import VariantTick

Floats = NDArray[np.float64]

SECONDS = 5.0  # of a piece: shares and rates hardly change within
LOWEST = -60  # bucket of 50 microseconds
BUCKETS = 300  # up to two minutes

CALM, STIRRED = (60.0, 0.1), (10.0, 0.03)
"""Longest moment in seconds, and what it brings of what is known of green: less tells nothing new.

While the bets win, moments are short.
"""
NOTHING = {"requests": 0, "errors": 0, "users": 0}


@dataclass(slots=True, kw_only=True)
class Moment:
    """Ticks of both variants that are looked at together. Pairs are blue's and green's."""

    start: float  # seconds since the epoch
    blue: list[VariantTick]
    green: list[VariantTick]
    seconds: float
    requests: tuple[int, int]
    users: tuple[int, int]
    failed: tuple[int, int]  # requests
    at_risk: tuple[int, int] = (0, 0)  # of an error: users, where they are known
    errors: tuple[int, int] = (0, 0)

    def join(self, later: Moment) -> None:
        """Add what both did next."""
        self.blue += later.blue
        self.green += later.green
        self.seconds += later.seconds
        self.requests = _added(self.requests, later.requests)
        self.users = _added(self.users, later.users)
        self.failed = _added(self.failed, later.failed)
        self.at_risk = _added(self.at_risk, later.at_risk)
        self.errors = _added(self.errors, later.errors)

    def latency(self, shift: int) -> Floats:
        """Return answers of blue and green by bucket, (2, buckets); green's as if so much lower."""
        each = [tick.latency for tick in self.blue]
        first = sum(map(len, each))
        each += [tick.latency for tick in self.green]
        size = sum(map(len, each))
        places = np.fromiter(chain.from_iterable(each), np.intp, size)
        counts = np.fromiter(chain.from_iterable([found.values() for found in each]), np.intp, size)
        places -= LOWEST
        places[first:] -= shift
        np.minimum(np.maximum(places, 0, out=places), BUCKETS - 1, out=places)
        places[first:] += BUCKETS
        found = np.bincount(places, counts, 2 * BUCKETS).astype(np.float64, copy=False)
        return found.reshape(2, BUCKETS)


class Pieces:
    """Adds ticks up to pieces of a few seconds, cut by the clock: anyone cuts them alike."""

    def __init__(self) -> None:
        self._open: Moment | None = None
        self._number = 0.0

    def add(self, blue: VariantTick | None, green: VariantTick | None) -> Sequence[Moment]:
        """Add what both did in one tick; return the pieces that are complete by it."""
        tick = green or blue
        if tick is None:
            return ()
        at = tick.start.timestamp()
        number, piece, now = at // SECONDS, self._open, _moment(at, blue, green)
        done = []
        if piece is not None and self._number == number:
            piece.join(now)
            now = piece
        elif piece is not None:
            done.append(piece)
        self._number, self._open = number, now
        if at + tick.seconds >= (number + 1) * SECONDS:
            done.append(now)
            self._open = None
        return done


class Moments:
    """Joins pieces to moments, cut by counts and by what was known before.

    A moment is long enough to tell something new, and ends before green's share moves.
    """

    def __init__(self, *, times: float = 1) -> None:
        self._times = times  # as long as others
        self._open: Moment | None = None
        self._known = 0  # requests of green in the moments before

    def add(self, piece: Moment, *, stirred: bool) -> Sequence[Moment]:
        """Add the next piece; return the moments that are complete by it."""
        moment, done = self._open, []
        if moment is None:
            moment = piece
        elif same_share(moment.requests, piece.requests):
            moment.join(piece)
        else:
            done.append(self._ended(moment))
            moment = piece
        self._open = moment
        longest, growth = STIRRED if stirred else CALM
        enough = moment.requests[1] > self._times * growth * self._known
        if enough or moment.seconds >= self._times * longest:
            done.append(self._ended(moment))
        return done

    def _ended(self, moment: Moment) -> Moment:
        self._known += moment.requests[1]
        self._open = None
        return moment


def same_share(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two pairs (blue's, green's) may be of one share, by four standard deviations."""
    (blue, green), (blues, greens) = one, other
    both, boths = blue + green, blues + greens
    if not both or not boths:
        return True
    share = (green + greens) / (both + boths)
    variance = share * (1 - share) * (1 / both + 1 / boths)
    return (green / both - greens / boths) ** 2 <= 16 * variance


def _moment(start: float, blue: VariantTick | None, green: VariantTick | None) -> Moment:
    """Return what both did in one tick."""
    if blue is None or green is None:
        known = [each for each in (blue, green) if each is not None]
        nothing = known[0].model_copy(update=NOTHING)
        moment = _moment(start, blue or nothing, green or nothing)
        moment.blue, moment.green = [blue] if blue else [], [green] if green else []
        return moment
    theirs, mine = blue.requests, green.requests
    return Moment(
        start=start,
        blue=[blue],
        green=[green],
        seconds=blue.seconds,
        requests=(theirs, mine),
        users=(blue.users, green.users),
        failed=(min(blue.errors, theirs), min(green.errors, mine)),
    )


def _added(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]
