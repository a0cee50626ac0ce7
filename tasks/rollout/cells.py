"""Evidence that green predicts otherwise: in tenths of what blue predicted before.

The yardstick comes from blue's past, so it cannot know the moment that it measures. An answer in a
tenth is an event like an error; both more of them on green and fewer are bet on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from math import log1p
from operator import add

import numpy as np
from numpy.typing import NDArray

from blocks.contracts import VariantTick
from tasks.rollout.batches import Pair
from tasks.rollout.evidence import GENTLE, MOST, RICHEST

Floats = NDArray[np.float64]

LEAST = 100  # predictions of blue, below which there is no yardstick yet
TENTHS = 10
CELLS = TENTHS + 1  # the last for predictions that blue has never made, if they have no size
EACH = np.ones(CELLS * 2 * len(GENTLE))
LARGEST = 4096  # kinds of predictions that are remembered

Counted = tuple[list[int], Mapping[str, int]]  # of kinds that are known, in their order; of others


class PredictionHistory:
    """Tenths of blue's predictions so far, and how many fall into each, or none, next."""

    def __init__(self) -> None:
        self._names: list[str] = []  # of the kinds that blue has made, in the order of the others
        self._counts: list[int] = []
        self._places: list[int] = []
        self._order: list[int] = []  # of the kinds, by size
        self._sizes: list[float] = []  # of quantities, in that order
        self._total = self._cut_at = 0

    def counted(self, ticks: Iterable[VariantTick]) -> Counted:
        """Return the predictions of some ticks: of each kind that is known, and the others."""
        names = self._names
        rows: list[Iterable[int]] = []  # added up column by column, which is quick
        strange: list[Mapping[str, int]] = []  # with some kinds missing, or others
        for tick in ticks:
            told = tick.predictions
            if len(told) == len(names) and list(told) == names:
                rows.append(told.values())
            else:
                strange.append(told)
        others: dict[str, int] = {}
        if strange:
            known = dict.fromkeys(names, 0)
            for told in strange:
                for name, count in told.items():
                    if name in known:
                        known[name] += count
                    else:
                        others[name] = others.get(name, 0) + count
            rows.append(known.values())
        return list(map(sum, zip(*rows, strict=True))) or [0] * len(names), others

    def learn(self, blue: Counted) -> None:
        """Remember a moment of blue. Tenths are cut anew each time twice as much is known."""
        counts, others = blue
        self._counts = list(map(add, self._counts, counts))
        self._total += sum(counts)
        for name, count in others.items():
            if len(self._names) < LARGEST:
                self._names.append(name)
                self._counts.append(count)
                self._places.append(self._place_of(name))
                self._total += count
        if self._total >= max(LEAST, 2 * self._cut_at):
            self._cut_at = self._total
            self._cut()

    def cells(
        self, blue: Counted, green: Counted, requests: Pair
    ) -> tuple[list[float], list[float]] | None:
        """Return predictions by cell, of blue and of green, weighted to at most one a request.

        The rows of one request are alike: they count once, however many there are. A power below
        one of a bet is still fair (Jensen). ``requests`` are blue's and green's.
        """
        if not self._cut_at:
            return None
        return self._by_cell(blue, requests[0]), self._by_cell(green, requests[1])

    def _cut(self) -> None:
        """Put the kinds in order and cut where a tenth of blue is full."""
        before, counts = 0, self._counts
        if len(self._order) < len(counts):
            self._order = _in_order(self._names)
            if _quantities(self._names):
                sizes = (_size(self._names[kind]) for kind in self._order)
                self._sizes = [size for size in sizes if size is not None]
        for kind in self._order:
            middle = before + counts[kind] / 2
            self._places[kind] = min(int(middle / self._total * TENTHS), TENTHS - 1)
            before += counts[kind]

    def _place_of(self, name: str) -> int:
        """Return the cell of a kind that is not known: of a quantity, that of the next larger.

        Two models that are alike seldom answer the same quantity to two digits.
        """
        size = _size(name) if self._sizes else None
        if size is None:
            return TENTHS
        return self._places[self._order[min(bisect_left(self._sizes, size), len(self._sizes) - 1)]]

    def _by_cell(self, predictions: Counted, requests: int) -> list[float]:
        counts, others = predictions
        found = [0.0] * CELLS
        for place, count in zip(self._places, counts, strict=True):
            found[place] += count
        for name, count in others.items():
            found[self._place_of(name)] += count
        total = sum(found)
        if total <= requests:
            return found
        return [requests / total * count for count in found]


class Cells:
    """Money on more, and on fewer, of green's answers in each cell: bets as on errors."""

    def __init__(self, prior: float, accepted: float) -> None:
        self.prior, self.money = prior, 0.0
        self._due = 0.0  # placed since the last bets were settled
        self._accepted = accepted
        self._ratios = [accepted * effect for effect in GENTLE]
        size = len(GENTLE)
        self._money = np.zeros((CELLS, 2 * size))  # more, fewer
        self._won = np.zeros((3, 2 * size))  # by an event of green, of blue, of either
        self._won[0, :size] = self._won[1, size:] = np.log(GENTLE)

    def place(self, part: float) -> None:
        """Place a part of the purse: a regression may begin now."""
        self._due += part
        self.money += part * self.prior

    def settle(self, blue: Sequence[float], green: Sequence[float]) -> None:
        """Take in answers by cell."""
        mine, theirs = sum(green), sum(blue)
        if not mine or not theirs:
            return
        self._money, self._due = self._with_due(), 0.0
        odds = mine / theirs
        self._won[2] = self._refused(odds) + self._refused(1 / odds)
        events = np.array((green, blue, green))
        events[2] += events[1]
        won = events.T @ self._won
        self._money *= np.exp(np.minimum(won, MOST, out=won), out=won)
        self.money = float(self._money.ravel() @ EACH)
        if self.money > RICHEST:
            self._money = np.minimum(self._money, RICHEST)
            self.money = float(self._money.sum())

    @property
    def stirred(self) -> bool:
        """Whether the bets have won."""
        return self.money > self.prior

    def by_cell(self) -> Floats:
        """Return what the bets on each cell have become, (2, cells): more, fewer."""
        found: Floats = self._with_due().reshape(CELLS, 2, -1).sum(axis=2).T
        return found

    def _with_due(self) -> Floats:
        """Return what the bets have become, with what was placed since."""
        return self._money + self._due * self.prior / self._money.size

    def _refused(self, odds: float) -> list[float]:
        fair = log1p(self._accepted * odds)
        return [fair - log1p(ratio * odds) for ratio in self._ratios]


def place_of(cell: int) -> str:
    """Return where a cell is, in words."""
    return f"in blue's tenth {cell + 1}" if cell < TENTHS else "that blue has never made"


def _quantities(names: Iterable[str]) -> bool:
    return any("e+" in name or "e-" in name for name in names)


def _in_order(names: Sequence[str]) -> list[int]:
    """Return the places of some kinds of predictions: numbers by size, then labels by name."""
    unit = 0.01 if _quantities(names) else 1.0
    sizes = [_size(name, unit) for name in names]
    keys = [
        (1, 0.0, name) if size is None else (0, size, "")
        for name, size in zip(names, sizes, strict=True)
    ]
    return sorted(range(len(names)), key=keys.__getitem__)


def _size(name: str, unit: float = 0.01) -> float | None:
    """Return the size of a kind of predictions; a label has none.

    Beside quantities, which have an exponent, a number without one is of hundredths of 0 to 1; or
    it is a small whole number, and then it stays among its like.
    """
    try:
        return float(name) * (1.0 if "e" in name else unit)
    except ValueError:
        return None
