"""Ticks, added up to pieces and moments: who did how much at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from blocks.contracts import VariantTick

Floats = NDArray[np.float64]
Pair = tuple[int, int]  # blue's and green's

SECONDS = 5.0  # of a piece: shares and rates hardly change within
LOWEST, BUCKETS = -180, 560  # from under a microsecond, and quicker than that, up to a day

CALM, STIRRED = (60.0, 0.2), (10.0, 0.03)
"""Longest moment in seconds, and what it brings of what is known of green: less tells nothing new.

While the bets win, moments are short.
"""
MOST = 1 << 40  # answers in one bucket of one tick
NOTHING = {"requests": 0, "errors": 0, "users": 0}


@dataclass(slots=True)
class Moment:
    """What both did in the same time. Pairs are blue's and green's."""

    start: datetime
    seconds: float
    blue: list[VariantTick]
    green: list[VariantTick]
    requests: Pair
    users: Pair
    failed: Pair  # requests
    at_risk: Pair = (0, 0)  # of an error: users, where they are known
    errors: Pair = (0, 0)

    def join(self, later: Moment) -> None:
        """Add what both did next."""
        self.seconds += later.seconds
        self.blue += later.blue
        self.green += later.green
        (a, b), (c, d) = self.requests, later.requests
        self.requests = a + c, b + d
        (a, b), (c, d) = self.users, later.users
        self.users = a + c, b + d
        (a, b), (c, d) = self.failed, later.failed
        self.failed = a + c, b + d
        (a, b), (c, d) = self.at_risk, later.at_risk
        self.at_risk = a + c, b + d
        (a, b), (c, d) = self.errors, later.errors
        self.errors = a + c, b + d


class Pieces:
    """Adds ticks up to moments of a few seconds, cut by the clock: anyone cuts them alike."""

    def __init__(self) -> None:
        self._open: Moment | None = None
        self._number = 0.0

    def add(self, blue: VariantTick | None, green: VariantTick | None) -> Sequence[Moment]:
        """Add what both did in one tick; return the pieces that are complete by it."""
        if blue is None and green is None:
            return ()
        piece = _piece(blue, green)
        if self._open is None and piece.seconds >= SECONDS:
            return (piece,)
        return self._joined(piece)

    def _joined(self, now: Moment) -> Sequence[Moment]:
        """Add ticks that are shorter than a piece."""
        at, piece, done = now.start.timestamp(), self._open, []
        number = at // SECONDS
        complete = at + now.seconds >= (number + 1) * SECONDS
        if piece is not None and self._number == number:
            piece.join(now)
            now = piece
        elif piece is not None:
            done.append(piece)
        self._number, self._open = number, now
        if complete:
            done.append(now)
            self._open = None
        return done


class Moments:
    """Joins pieces to longer moments, cut by counts and by what was known before.

    A moment is long enough to tell something new, and ends before green's share moves. What is
    added belongs to it from then on.
    """

    def __init__(self, *, times: float = 1) -> None:
        self._times = times  # as long as others
        self._open: Moment | None = None
        self._known = 0  # requests of green in the moments before

    def add(self, piece: Moment, stirred: bool) -> Sequence[Moment]:
        """Add the next piece; return the moments that are complete by it."""
        moment, done = self._open, []
        if moment is None:
            self._open = moment = piece
        elif same_share(moment.requests, piece.requests):
            moment.join(piece)
        else:
            done.append(self._ended(moment))
            self._open = moment = piece
        longest, growth = STIRRED if stirred else CALM
        enough = moment.requests[1] > self._times * growth * self._known
        if enough or moment.seconds >= self._times * longest:
            done.append(self._ended(moment))
        return done

    def _ended(self, moment: Moment) -> Moment:
        self._known += moment.requests[1]
        self._open = None
        return moment


def latency_below(blue: Sequence[VariantTick], green: Sequence[VariantTick], shift: int) -> Floats:
    """Return answers of blue and green below each bucket and below all of them, (2, buckets + 1).

    Green's count as if they were so many buckets quicker. Buckets that there cannot be are taken
    for the first or the last.
    """
    buckets: list[int] = []
    counts: list[int] = []
    for tick in blue:
        buckets += tick.latency
        counts += tick.latency.values()
    first = len(buckets)
    for tick in green:
        buckets += tick.latency
        counts += tick.latency.values()
    places = _integers(buckets, LOWEST + shift, LOWEST + BUCKETS - 1).astype(np.intp)
    places += 1 - LOWEST
    places[first:] += BUCKETS + 1 - shift
    found = np.bincount(places, _integers(counts, 0, MOST), 2 * (BUCKETS + 1))
    below: Floats = found.reshape(2, BUCKETS + 1).cumsum(axis=1)
    return below


def same_share(one: Pair, other: Pair) -> bool:
    """Whether two pairs (blue's, green's) may be of one share, by four standard deviations."""
    (blue, green), (blues, greens) = one, other
    both, boths = blue + green, blues + greens
    if not both or not boths:
        return True
    share = (green + greens) / (both + boths)
    variance = share * (1 - share) * (1 / both + 1 / boths)
    return (green / both - greens / boths) ** 2 <= 16 * variance


def _piece(blue: VariantTick | None, green: VariantTick | None) -> Moment:
    """Return what both did in one tick."""
    if blue is None or green is None:
        known = [each for each in (blue, green) if each is not None]
        nothing = known[0].model_copy(update=NOTHING)
        piece = _piece(blue or nothing, green or nothing)
        piece.blue, piece.green = [blue] if blue else [], [green] if green else []
        return piece
    theirs, mine, lost, failed = blue.requests, green.requests, blue.errors, green.errors
    return Moment(
        blue.start,
        blue.seconds,
        [blue],
        [green],
        (theirs, mine),
        (blue.users, green.users),
        (lost if lost < theirs else theirs, failed if failed < mine else mine),
    )


def _integers(numbers: list[int], least: int, most: int) -> NDArray[np.integer]:
    """Return an array of them, those out of range at its ends.

    Bytes are by far the quickest way from many small numbers to an array.
    """
    try:
        return np.frombuffer(bytes(numbers), np.uint8)
    except ValueError:
        return np.array(numbers, np.float64).clip(least, most).astype(np.int64)
