"""Ticks, added up to pieces and moments: who did how much at the same time."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from blocks.contracts import VariantTick

Floats = NDArray[np.float64]
Pair = tuple[int, int]  # blue's and green's

SECONDS = 5.0  # of a piece: shares and rates hardly change within
LOWEST = -60  # bucket of 50 microseconds
BUCKETS = 300  # up to two minutes
MIDDLE, WIDTH = 128, 512  # of a row of buckets with room for times that nobody has seen

CALM, STIRRED = (60.0, 0.1), (10.0, 0.03)
"""Longest moment in seconds, and what it brings of what is known of green: less tells nothing new.

While the bets win, moments are short.
"""
NOTHING = {"requests": 0, "errors": 0, "users": 0}


@dataclass(slots=True)
class Piece:
    """What both did in the same few seconds."""

    start: float  # seconds since the epoch
    blue: list[VariantTick]
    green: list[VariantTick]
    seconds: float
    requests: Pair
    users: Pair
    failed: Pair  # requests
    at_risk: Pair = (0, 0)  # of an error: users, where they are known
    errors: Pair = (0, 0)

    def join(self, later: Piece) -> None:
        """Add what both did next."""
        self.blue += later.blue
        self.green += later.green
        self.seconds += later.seconds
        self.requests = _added(self.requests, later.requests)
        self.users = _added(self.users, later.users)
        self.failed = _added(self.failed, later.failed)


@dataclass(slots=True)
class Moment:
    """Pieces that are looked at together."""

    pieces: list[Piece]
    requests: Pair
    seconds: float

    @property
    def start(self) -> float:
        """When it begins, in seconds since the epoch."""
        return self.pieces[0].start

    @property
    def ticks(self) -> tuple[list[VariantTick], list[VariantTick]]:
        """Blue's and green's."""
        return (
            [tick for piece in self.pieces for tick in piece.blue],
            [tick for piece in self.pieces for tick in piece.green],
        )


class Pieces:
    """Adds ticks up to pieces of a few seconds, cut by the clock: anyone cuts them alike."""

    def __init__(self) -> None:
        self._open: Piece | None = None
        self._number = 0.0

    def add(self, blue: VariantTick | None, green: VariantTick | None) -> Sequence[Piece]:
        """Add what both did in one tick; return the pieces that are complete by it."""
        tick = green or blue
        if tick is None:
            return ()
        at = tick.start.timestamp()
        number, piece, now = at // SECONDS, self._open, _piece(at, blue, green)
        complete = at + tick.seconds >= (number + 1) * SECONDS
        if piece is None and complete:
            return (now,)
        done = []
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
    """Joins pieces to moments, cut by counts and by what was known before.

    A moment is long enough to tell something new, and ends before green's share moves.
    """

    def __init__(self, *, times: float = 1) -> None:
        self._times = times  # as long as others
        self._open: Moment | None = None
        self._known = 0  # requests of green in the moments before

    def add(
        self, pieces: Sequence[Piece], requests: Pair, seconds: float, stirred: bool
    ) -> Sequence[Moment]:
        """Add the next pieces, and their sums; return the moments that are complete by it."""
        moment, done = self._open, []
        if moment is not None and same_share(moment.requests, requests):
            moment.pieces += pieces
            moment.requests = _added(moment.requests, requests)
            moment.seconds += seconds
        else:
            if moment is not None:
                done.append(self._ended(moment))
            self._open = moment = Moment([*pieces], requests, seconds)
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

    Green's count as if they were so many buckets quicker. Packing is the quickest way from many
    small numbers to an array.
    """
    each = [tick.latency for tick in blue]
    first = sum(map(len, each))
    each += [tick.latency for tick in green]
    size = sum(map(len, each))
    counts = [found.values() for found in each]
    numbers = chain(chain.from_iterable(each), chain.from_iterable(counts))
    packed = np.frombuffer(struct.pack(f"{2 * size}i", *numbers), np.intc)
    places = packed[:size] + (MIDDLE - LOWEST)
    places[first:] += WIDTH - shift
    found = np.bincount(places, packed[size:], 2 * WIDTH).reshape(2, WIDTH).cumsum(axis=1)
    below: Floats = found[:, MIDDLE - 1 : MIDDLE + BUCKETS]
    below[:, 0], below[:, -1] = 0.0, found[:, -1]  # what is beyond is in the first and the last
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


def _piece(start: float, blue: VariantTick | None, green: VariantTick | None) -> Piece:
    """Return what both did in one tick."""
    if blue is None or green is None:
        known = [each for each in (blue, green) if each is not None]
        nothing = known[0].model_copy(update=NOTHING)
        piece = _piece(start, blue or nothing, green or nothing)
        piece.blue, piece.green = [blue] if blue else [], [green] if green else []
        return piece
    theirs, mine, lost, failed = blue.requests, green.requests, blue.errors, green.errors
    return Piece(
        start,
        [blue],
        [green],
        blue.seconds,
        (theirs, mine),
        (blue.users, green.users),
        (lost if lost < theirs else theirs, failed if failed < mine else mine),
    )


def _added(one: Pair, other: Pair) -> Pair:
    return one[0] + other[0], one[1] + other[1]
