"""The usual measures of drift, column by column, in the units people know. They raise no alarm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blocks.contracts import Frozen
from tasks.drift.axes import Axis
from tasks.drift.distances import (
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov,
    largest_change,
    shares,
    stability,
    wasserstein,
)
from tasks.drift.histogram import MIDDLES, Counts, Histogram
from tasks.drift.levels import Levels
from tasks.drift.profile import Profile

TENTHS = 10


class ColumnDrift(Frozen):
    """How one column differs from the reference. None: it cannot be told, or has no meaning."""

    column: str
    rows: int
    missing: float | None  # share of rows without a value, now
    missing_before: float | None
    psi: float | None  # population stability index of ten bins, or of the values of a category
    jensen_shannon: float | None  # distance, base 2
    ks: float | None
    wasserstein: float | None  # in interquartile ranges of the reference
    largest_change: float | None  # of the share of a category's value
    chi_square_p: float | None
    median: float | None
    median_before: float | None
    lowest: float | None = None  # as all values, to one part in 128 of the distance from the centre
    lowest_before: float | None = None
    highest: float | None = None
    highest_before: float | None = None
    outside: float | None = None  # share of values below or above all that the reference has
    unseen: tuple[str, ...] = ()  # some values that the reference does not have


def drift_table(reference: Profile, current: Profile) -> tuple[ColumnDrift, ...]:
    """Compare the columns that both have."""
    found = []
    for axis in reference.axes.columns:
        now, before = current.columns.get(axis.name), reference.columns[axis.name]
        if isinstance(before, Histogram) and isinstance(now, Histogram):
            found.append(_number(axis, before, now))
        elif isinstance(before, Levels) and isinstance(now, Levels):
            found.append(_category(axis.name, before, now))
    return tuple(found)


def tenths(reference: Histogram, columns: Sequence[Histogram]) -> list[Counts]:
    """Return the counts of columns in ten bins that hold equal shares of the reference."""
    rank = (np.cumsum(reference.counts) - reference.counts / 2) / max(reference.values, 1)
    bins = np.unique((rank * TENTHS).astype(np.intp), return_inverse=True)[1]
    upper = reference.keys[np.flatnonzero(np.diff(bins, append=-1))]
    return [
        np.bincount(
            np.minimum(np.searchsorted(upper, each.keys), max(len(upper) - 1, 0)),
            weights=each.counts,
            minlength=max(len(upper), 1),
        ).astype(np.int64)
        for each in columns
    ]


def _number(axis: Axis, before: Histogram, now: Histogram) -> ColumnDrift:
    then, here = tenths(before, [before, now])
    both = np.union1d(before.keys, now.keys)
    p, q = shares(before.dense()[both]), shares(now.dense()[both])
    whole = len(both) > 0 and before.values > 0 and now.values > 0
    return ColumnDrift(
        column=axis.name,
        rows=now.rows,
        missing=_share(now.missing, now.rows),
        missing_before=_share(before.missing, before.rows),
        psi=stability(then, here) if whole else None,
        jensen_shannon=float(jensen_shannon(shares(then), shares(here))) if whole else None,
        ks=float(kolmogorov_smirnov(p, q)) if whole else None,
        wasserstein=wasserstein(p, q, MIDDLES[both]) if whole else None,
        largest_change=None,
        chi_square_p=_known(chi_square(then, here)[1]) if whole else None,
        median=_value(now, 0.5, axis),
        median_before=_value(before, 0.5, axis),
        lowest=_value(now, 0, axis),
        lowest_before=_value(before, 0, axis),
        highest=_value(now, 1, axis),
        highest_before=_value(before, 1, axis),
        outside=_known(now.outside(before)),
    )


def _category(name: str, before: Levels, now: Levels) -> ColumnDrift:
    values = sorted({*before.counts, *now.counts})
    then = np.array([*(before.counts.get(value, 0) for value in values), before.other])
    here = np.array([*(now.counts.get(value, 0) for value in values), now.other])
    whole = then.sum() > 0 and here.sum() > 0
    p, q = shares(then), shares(here)
    new = [value for value in now.counts if value not in before.counts] if not before.other else []
    return ColumnDrift(
        column=name,
        rows=now.rows,
        missing=_share(now.missing, now.rows),
        missing_before=_share(before.missing, before.rows),
        psi=stability(then, here) if whole else None,
        jensen_shannon=float(jensen_shannon(p, q)) if whole else None,
        ks=None,
        wasserstein=None,
        largest_change=float(largest_change(p, q)) if whole else None,
        chi_square_p=_known(chi_square(then, here)[1]) if whole else None,
        median=None,
        median_before=None,
        unseen=tuple(sorted(new, key=lambda value: (-now.counts[value], value))[:5]),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _known(number: float) -> float | None:
    return number if np.isfinite(number) else None


def _value(column: Histogram, share: float, axis: Axis) -> float | None:
    return _known(axis.centre + axis.scale * column.quantile(share))
