"""Ticks, added up to pieces and moments: who did how much at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from blocks.contracts import VariantTick

Floats = NDArray[np.float64]
Pair = tuple[int, int]  # blue's and green's

SECONDS = 5.0  # of a piece: shares and rates hardly change within
LOWEST, BUCKETS = -180, 560  # from under a microsecond, and quicker than that, up to a day
NARROW = (-32, 288)  # the same of most services: from a millisecond, and what is forgiven, to 250 s

CALM, STIRRED = (80.0, 0.3), (10.0, 0.03)
"""Longest moment in seconds, and what it brings of what is known of green: less tells nothing new.

While the bets win, moments are short.
"""
MOST = 1 << 40  # answers in one bucket of one tick


@dataclass(slots=True)
class Moment:
    """What both did in the same time."""

    start: datetime
    seconds: float
    blue: list[VariantTick]
    green: list[VariantTick]
    blues: int  # requests
    greens: int
    blue_users: int
    green_users: int
    blue_failed: int  # requests
    green_failed: int
    blue_at_risk: int = 0  # of an error: users, where they are known
    green_at_risk: int = 0
    blue_errors: int = 0
    green_errors: int = 0
    highest: float = 0.0  # share that green may have had meanwhile, if its share moved

    @property
    def requests(self) -> Pair:
        """Blue's and green's."""
        return self.blues, self.greens

    def join(self, later: Moment) -> None:
        """Add what both did next."""
        self.seconds += later.seconds
        self.blue += later.blue
        self.green += later.green
        self.blues += later.blues
        self.greens += later.greens
        self.blue_users += later.blue_users
        self.green_users += later.green_users
        self.blue_failed += later.blue_failed
        self.green_failed += later.green_failed
        self.blue_at_risk += later.blue_at_risk
        self.green_at_risk += later.green_at_risk
        self.blue_errors += later.blue_errors
        self.green_errors += later.green_errors
        if later.highest:
            self.highest = max(self.highest, later.highest)


class Pieces:
    """Adds ticks up to moments of a few seconds, cut by the clock and where green's share moves.

    Anyone cuts them alike.
    """

    def __init__(self) -> None:
        self._open: Moment | None = None
        self._number = 0.0

    def add(
        self, blue: VariantTick | None, green: VariantTick | None, highest: float = 0.0
    ) -> Sequence[Moment]:
        """Add what both did in one tick; return the pieces that are complete by it.

        Ticks in which green's share moved, to so much at most, make pieces of their own.
        """
        if blue is None and green is None:
            return ()
        piece = _piece(blue, green)
        piece.highest = highest
        if piece.seconds >= SECONDS and self._open is None:
            return (piece,)
        return self._joined(piece)

    def _joined(self, now: Moment) -> Sequence[Moment]:
        """Add ticks that are shorter than a piece."""
        at, piece, done = now.start.timestamp(), self._open, []
        number = at // SECONDS
        complete = at + now.seconds >= (number + 1) * SECONDS
        if piece is not None and self._number == number and alike(piece, now):
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
        done: tuple[Moment, ...] = ()
        moment = self._open
        if moment is None:
            self._open = moment = piece
        elif alike(moment, piece):
            moment.join(piece)
        else:
            done = (self._ended(moment),)
            self._open = moment = piece
        longest, growth = STIRRED if stirred else CALM
        times = self._times
        if moment.greens > times * growth * self._known or moment.seconds >= times * longest:
            return (*done, self._ended(moment))
        return done

    def _ended(self, moment: Moment) -> Moment:
        self._known += moment.greens
        self._open = None
        return moment


def latency_below(blue: Sequence[VariantTick], green: Sequence[VariantTick], shift: int) -> Floats:
    """Return answers of blue and green below each bucket and below all of them, (2, buckets + 1).

    Green's count as if they were so many buckets quicker. Buckets that there cannot be are taken
    for the first or the last; those of NARROW are told where no others occur.
    """
    buckets: list[int] = []
    counts: list[int] = []
    for tick in blue:
        told = tick.latency
        buckets += told
        counts += told.values()
    first = len(buckets)
    for tick in green:
        told = tick.latency
        buckets += told
        counts += told.values()
    try:  # by far the quickest way from many small numbers to an array
        numbers, (lowest, size) = np.frombuffer(bytearray(buckets), np.uint8), NARROW
    except ValueError:
        lowest, size = LOWEST, BUCKETS
        numbers = np.array(buckets, np.float64).clip(lowest + shift, lowest + size - 1)
    places = np.add(numbers, 1 - lowest, dtype=np.intp, casting="unsafe")
    places[first:] += size + 1 - shift
    found = np.bincount(places, _counts(counts), 2 * (size + 1))
    below: Floats = found.reshape(2, size + 1).cumsum(axis=1)
    return below


def as_wide(below: Floats) -> Floats:
    """Return answers below each bucket of NARROW as those below each of all there are."""
    before, after = NARROW[0] - LOWEST, LOWEST + BUCKETS - sum(NARROW)
    sides = [(0, 0)] * (below.ndim - 1) + [(before, after)]
    wide: Floats = np.pad(below, sides, "edge")  # none is below the first
    return wide


def alike(earlier: Moment, later: Moment) -> bool:
    """Whether green may have had the same share all the time, in the one and in the other."""
    return bool(earlier.highest) == bool(later.highest) and same_share(
        earlier.blues, earlier.greens, later.blues, later.greens
    )


def same_share(blue: int, green: int, blues: int, greens: int) -> bool:
    """Whether two pairs of counts may be of one share, by four standard deviations.

    A z-test of two proportions, multiplied by all denominators: exact, and true of nobody.
    """
    both, boths = blue + green, blues + greens
    apart = green * blues - greens * blue
    return apart * apart * (both + boths) <= 16 * (green + greens) * (blue + blues) * both * boths


def _piece(blue: VariantTick | None, green: VariantTick | None) -> Moment:
    """Return what both did in one tick."""
    if blue is None or green is None:
        known = [each for each in (blue, green) if each is not None]
        nothing = replace(known[0], requests=0, errors=0, users=0)
        piece = _piece(blue or nothing, green or nothing)
        piece.blue, piece.green = [blue] if blue else [], [green] if green else []
        return piece
    theirs, mine, lost, failed = blue.requests, green.requests, blue.errors, green.errors
    return Moment(
        blue.start,
        blue.seconds,
        [blue],
        [green],
        theirs,
        mine,
        blue.users,
        green.users,
        lost if lost < theirs else theirs,
        failed if failed < mine else mine,
    )


def _counts(numbers: list[int]) -> NDArray[np.number]:
    try:
        return np.frombuffer(bytearray(numbers), np.uint8)
    except ValueError:
        return np.array(numbers, np.float64).clip(0, MOST)
