"""One column of a reference, its batches among each other, and windows against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tasks.drift.distances import shares
from tasks.drift.histogram import Counts, Floats
from tasks.drift.levels import Levels
from tasks.drift.noise import Sampling, sampling
from tasks.drift.profile import Column
from tasks.drift.view import CategoryView, Change, View, view_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One column of the reference, ready to be compared with."""

    name: str
    view: View
    kinds: tuple[Change, ...]
    counts: Counts  # (batches, bins); the last bin holds the rows without a value
    whole: Counts  # (bins,)
    unseen: float  # the largest share of values that one batch had alone
    _drawn: dict[int, Sampling] = field(default_factory=dict)

    def effects(self, column: Column) -> Floats:
        """Return how far a column is from the reference, for each kind of change."""
        return self._distances(self.whole, shares(self._binned(column)))

    def noise_of(self, column: Column) -> Sampling:
        """Return what sampling alone brings in a window of so many rows."""
        return self._noise(column.rows, int(self.whole.sum()))

    def new_in(self, column: Column) -> int | None:
        """Return the rows with values the reference lacks; None where that cannot be told."""
        if not isinstance(self.view, CategoryView) or not isinstance(column, Levels):
            return None
        if self.view.known is None:
            return None
        known = self.view.known
        return column.other + sum(n for value, n in column.counts.items() if value not in known)

    def among_batches(self) -> tuple[Floats, Sampling]:
        """Return squared distances (batches, kinds) of each batch from the others.

        With them, what sampling alone brings, in the same shape.
        """
        others = self.whole - self.counts
        squared = self._distances(others, shares(self.counts)).T ** 2
        rows = zip(self.counts.sum(axis=1), others.sum(axis=1), strict=True)
        noise = [self._noise(int(part), int(rest)) for part, rest in rows]
        return squared, Sampling(
            mean=np.stack([each.mean for each in noise]),
            variance=np.stack([each.variance for each in noise]),
        )

    def _binned(self, column: Column) -> Counts:
        return np.append(self.view.counts(column), column.missing)

    def _distances(self, reference: Counts, current: Floats) -> Floats:
        """Return distances (kinds, ...) of shares (..., bins) from counts of a reference."""
        told = self.view.changes(shares(reference[..., :-1]), shares(current[..., :-1]))
        missing = np.abs(current[..., -1] - shares(reference)[..., -1])
        found: Floats = np.nan_to_num(np.stack([*told, missing]))
        return found

    def _noise(self, rows: int, reference: int) -> Sampling:
        """Draw at powers of the root of two; squared distances fall with the number of rows."""
        effective = 1 / (1 / max(rows, 1) + 1 / max(reference, 1))
        step = round(2 * np.log2(max(effective, 1)))
        if step not in self._drawn:
            whole = self.whole
            self._drawn[step] = sampling(
                shares(whole), 2 ** (step / 2), lambda drawn: self._distances(whole, drawn)
            )
        drawn, share = self._drawn[step], 2 ** (step / 2) / max(effective, 1)
        return Sampling(mean=drawn.mean * share, variance=drawn.variance * share**2)


def watched_of(name: str, whole: Column, batches: Sequence[Column]) -> Watched:
    """Return a column of the reference from its batches and from all of them together."""
    view = view_of(whole)
    counts = np.stack([np.append(view.counts(each), each.missing) for each in batches])
    return Watched(
        name=name,
        view=view,
        kinds=(*view.kinds, Change.MISSING),
        counts=counts,
        whole=counts.sum(axis=0),
        unseen=_alone(whole, batches),
    )


def _alone(whole: Column, batches: Sequence[Column]) -> float:
    if not isinstance(whole, Levels):
        return 0.0
    return max(
        sum(n for value, n in each.counts.items() if n == whole.counts.get(value))
        / max(each.values, 1)
        for each in batches
        if isinstance(each, Levels)
    )
