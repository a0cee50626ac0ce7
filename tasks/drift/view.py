"""One column, seen in a few bins that the reference sets, and the changes that are looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tasks.drift.distances import jensen_shannon, kolmogorov_smirnov
from tasks.drift.histogram import BINS, Counts, Floats, Histogram
from tasks.drift.levels import Levels
from tasks.drift.profile import Column

FINE = 100  # bins of equal share for numbers; what is outside of the reference has its own two
COARSE = 10
LEVELS = 1000  # values of a category looked at one by one; rarer ones are looked at together
SINGLE, FREQUENT = 30, 0.01  # that many of them, with that share or more, have their own scale

Index = npt.NDArray[np.intp]


class Change(StrEnum):
    """A way in which a column can change."""

    SHAPE = "shape"  # Jensen-Shannon distance of ten bins, or of the values of a category
    PLACE = "place"  # Kolmogorov-Smirnov distance
    LOW_TAIL = "low tail"  # share below the first percentile
    HIGH_TAIL = "high tail"  # share above the last percentile
    LEVEL = "level"  # largest change of a category's share
    MISSING = "missing"  # share without a value
    UNSEEN = "unseen"  # share of values that the reference does not have
    ABSENT = "absent"  # the column is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberView:
    """Turns a histogram into counts of about a hundred bins, lowest first."""

    bin_of_key: Index
    coarse: Index  # where each of the ten bins starts
    low: Index  # bins below the first percentile
    high: Index

    @property
    def kinds(self) -> tuple[Change, ...]:
        """What ``changes`` returns."""
        return Change.SHAPE, Change.PLACE, Change.LOW_TAIL, Change.HIGH_TAIL

    def counts(self, column: Column) -> Counts:
        """Return the counts of a column of the same axis."""
        if not isinstance(column, Histogram):
            raise TypeError("a number cannot be compared with a category")
        bins = self.bin_of_key[column.keys]
        size = int(self.bin_of_key[-1]) + 1
        return np.bincount(bins, weights=column.counts, minlength=size).astype(np.int64)

    def changes(self, reference: Floats, current: Floats) -> list[Floats]:
        """Return how far shares are from the reference's, for each kind; bins are last."""
        moved = current - reference
        tens = np.add.reduceat(reference, self.coarse, axis=-1)
        now = np.add.reduceat(current, self.coarse, axis=-1)
        return [
            jensen_shannon(tens, now),
            kolmogorov_smirnov(reference, current),
            np.abs(moved[..., self.low].sum(axis=-1)),
            np.abs(moved[..., self.high].sum(axis=-1)),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryView:
    """Turns counts by value into counts in a fixed order; the last bin is everything else."""

    position: Mapping[str, int]
    known: frozenset[str] | None  # all values of the reference; None = too many to tell new ones
    single: Index  # bins of the frequent values: each is compared with how it changes by itself
    rest: Index

    @property
    def kinds(self) -> tuple[Change, ...]:
        """What ``changes`` returns: the frequent values have one change each."""
        return Change.SHAPE, Change.LEVEL, *[Change.LEVEL for _ in self.single]

    def counts(self, column: Column) -> Counts:
        """Return the counts of a column of the same axis."""
        if not isinstance(column, Levels):
            raise TypeError("a category cannot be compared with a number")
        found = np.zeros(len(self.position) + 1, dtype=np.int64)
        for level, count in column.counts.items():
            found[self.position.get(level, -1)] += count
        found[-1] += column.other
        return found

    def changes(self, reference: Floats, current: Floats) -> list[Floats]:
        """Return how far shares are from the reference's, for each kind; bins are last."""
        moved = np.abs(current - reference)
        return [
            jensen_shannon(reference, current),
            moved[..., self.rest].max(axis=-1),
            *np.moveaxis(moved[..., self.single], -1, 0),
        ]


View = NumberView | CategoryView


def view_of(column: Column) -> View:
    """Return how to look at a column whose reference is this one."""
    if isinstance(column, Histogram):
        return _number_view(column)
    frequent = sorted(column.counts, key=lambda level: (-column.counts[level], level))[:LEVELS]
    position = {level: at for at, level in enumerate(sorted(frequent))}
    single = [
        position[level]
        for level in frequent[:SINGLE]
        if column.counts[level] >= FREQUENT * column.values
    ]
    return CategoryView(
        position=position,
        known=None if column.other else frozenset(column.counts),
        single=np.array(single, dtype=np.intp),
        rest=np.setdiff1d(np.arange(len(position) + 1), single),
    )


def _number_view(column: Histogram) -> NumberView:
    if not len(column.keys):
        nothing = np.zeros(0, dtype=np.intp)
        return NumberView(
            bin_of_key=np.zeros(BINS, dtype=np.intp),
            coarse=np.zeros(1, dtype=np.intp),
            low=nothing,
            high=nothing,
        )
    rank = (np.cumsum(column.counts) - column.counts / 2) / column.counts.sum()
    percentile = np.minimum((rank * FINE).astype(np.intp), FINE - 1)
    steps = np.unique(percentile)
    last = len(steps) + 1  # bin 0 and this one are outside of what the reference has
    bin_of_key = np.zeros(BINS, dtype=np.intp)
    bins = np.searchsorted(steps, percentile) + 1
    following = np.searchsorted(column.keys, np.arange(BINS))
    inside = (np.arange(BINS) >= column.keys[0]) & (following < len(bins))
    bin_of_key[inside] = bins[following[inside]]
    bin_of_key[np.arange(BINS) > column.keys[-1]] = last
    tenth = np.concatenate([[0], steps // (FINE // COARSE), [COARSE - 1]])
    tenth[0] = tenth[1]
    tenth[-1] = tenth[-2]
    return NumberView(
        bin_of_key=bin_of_key,
        coarse=np.flatnonzero(np.diff(tenth, prepend=-1)),
        low=np.array([0, *([1] if steps[0] == 0 else [])], dtype=np.intp),
        high=np.array([last, *([last - 1] if steps[-1] == FINE - 1 else [])], dtype=np.intp),
    )
