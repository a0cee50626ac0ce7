"""Rows that have a given profile, for whoever cannot judge profiles."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.drift.histogram import MIDDLES, Histogram
from tasks.drift.levels import Levels
from tasks.drift.profile import Column, Profile, Tally


def rows_of(profile: Profile, random: np.random.Generator) -> pa.Table:
    """Return rows, each column in an order of its own; their profile is the given one."""
    axes = profile.axes.columns
    assert all((axis.centre, axis.scale) == (0, 1) for axis in axes)
    return pa.table({axis.name: _values(profile.columns[axis.name], random) for axis in axes})


def counted(rows: pa.Table, profile: Profile) -> Profile:
    """Return the profile of rows, with the axes of another one."""
    tally = Tally(profile.axes)
    for batch in rows.to_batches():
        tally.add(batch)
    return tally.profile()


def _values(column: Column, random: np.random.Generator) -> pa.Array:
    if isinstance(column, Histogram):
        values = np.repeat(MIDDLES[column.keys], column.counts)
        values = np.concatenate([values, np.full(column.missing, np.nan)])
        return pa.array(values[random.permutation(len(values))])
    assert isinstance(column, Levels)
    assert not column.other
    names = pa.array([*column.counts, None], pa.string())
    index = np.repeat(np.arange(len(names)), [*column.counts.values(), column.missing])
    return names.take(pa.array(index[random.permutation(len(index))]))
