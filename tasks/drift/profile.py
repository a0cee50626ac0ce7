"""A profile: what is known of a data set without its rows. Small, mergeable, made in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.drift import histogram, levels
from tasks.drift.axes import Axes, Axis, numbers
from tasks.drift.histogram import BinCounter, Histogram, Scratch
from tasks.drift.levels import LIMIT, Levels, bounded

Column = Histogram | Levels


class ProfileMismatch(ValueError):
    """Two profiles were made with other axes; profile one of the data sets again."""


class MissingColumns(ValueError):
    """The data lacks columns that the profile was made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The columns of a data set, each as its counts."""

    axes: Axes
    columns: Mapping[str, Column]

    @property
    def rows(self) -> int:
        """Rows of the data set; where columns were joined from several, the most."""
        return max((column.rows for column in self.columns.values()), default=0)

    def __add__(self, other: Profile) -> Profile:
        return merged([self, other])

    def __sub__(self, part: Profile) -> Profile:
        """Return the profile of the rows that are not in ``part``, which must be among ours."""
        self.check(part)
        return Profile(
            axes=self.axes,
            columns={
                name: _minus(self.columns[name], part.columns[name]) for name in self.axes.names
            },
        )

    def beside(self, other: Profile) -> Profile:
        """Return a profile with the columns of both, e.g. inputs and predictions."""
        if shared := set(self.axes.names) & set(other.axes.names):
            raise ProfileMismatch(f"column {min(shared)!r} is in both profiles; rename one")
        return Profile(
            axes=Axes(columns=self.axes.columns + other.axes.columns),
            columns={**self.columns, **other.columns},
        )

    def check(self, other: Profile) -> None:
        """Raise ProfileMismatch unless the two can be merged."""
        if self.axes != other.axes:
            raise ProfileMismatch("profiles with different axes cannot be merged or subtracted")


def merged(profiles: Sequence[Profile]) -> Profile:
    """Return the profile of all rows together, in whatever order. Raises ProfileMismatch."""
    first = profiles[0]
    for each in profiles[1:]:
        first.check(each)
    return Profile(
        axes=first.axes,
        columns={
            axis.name: _together(axis, [each.columns[axis.name] for each in profiles])
            for axis in first.axes.columns
        },
    )


def empty(axes: Axes) -> Profile:
    """Return the profile of no rows."""
    return Tally(axes).profile()


class Tally:
    """Counts rows into a profile, batch by batch, in constant memory."""

    def __init__(self, axes: Axes) -> None:
        self._axes, room = axes, Scratch()
        self._bins = {
            axis.name: BinCounter(axis.centre, axis.scale, room)
            for axis in axes.columns
            if axis.numeric
        }
        self._levels = {axis.name: Levels(counts={}) for axis in axes.columns if not axis.numeric}
        self._nulls: Counter[str] = Counter()

    def add(self, rows: pa.RecordBatch) -> None:
        """Count rows. Raises MissingColumns if they lack columns; more columns are ignored."""
        if lacking := [name for name in self._axes.names if name not in rows.schema.names]:
            raise MissingColumns(f"the data has no column {', '.join(map(repr, lacking))}")
        for axis in self._axes.columns:
            column = rows.column(axis.name)
            if axis.numeric:
                self._nulls[axis.name] += column.null_count
                self._bins[axis.name].add(_as_numbers(column))
            else:
                self._add_levels(axis, column)

    def profile(self) -> Profile:
        """Return the profile of all rows so far."""
        columns: dict[str, Column] = {}
        for axis in self._axes.columns:
            if axis.numeric:
                found, nan = self._bins[axis.name].result()
                missing = nan + self._nulls[axis.name]
                columns[axis.name] = Histogram(
                    keys=found.keys, counts=found.counts, missing=missing
                )
            else:
                columns[axis.name] = self._levels[axis.name]
        return Profile(axes=self._axes, columns=columns)

    def _add_levels(self, axis: Axis, column: pa.Array) -> None:
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        names = column.dictionary.to_pylist()
        index = column.indices
        if index.null_count:
            index = index.drop_null()
        counts = np.bincount(index.to_numpy(zero_copy_only=False), minlength=len(names))
        found: Counter[str] = Counter()
        missing = len(column) - len(index)
        for name, count in zip(names, counts.tolist(), strict=True):
            if name is None:
                missing += count
            elif count:
                found[str(name)] += count
        more = Levels(counts=found, missing=missing)
        if len(found) > LIMIT:
            more = bounded(found, missing=missing, named=axis.named)
        self._levels[axis.name] = levels.merged([self._levels[axis.name], more], axis.named)


def _as_numbers(column: pa.Array) -> np.ndarray:
    """Return the values of a column that was numeric in the reference, whatever its type is now.

    What cannot be read as a number counts as missing: it is NaN.
    """
    if pa.types.is_null(column.type):
        return np.empty(0)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    elif pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = column.drop_null().to_pylist()
        return np.array([_number(text) for text in texts], dtype=np.float64)
    return numbers(column)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _together(axis: Axis, columns: Sequence[Column]) -> Column:
    bins = [column for column in columns if isinstance(column, Histogram)]
    if len(bins) == len(columns):
        return histogram.merged(bins)
    counted = [column for column in columns if isinstance(column, Levels)]
    if len(counted) == len(columns):
        return levels.merged(counted, axis.named)
    raise ProfileMismatch(f"column {axis.name!r} is a number in some profiles only")


def _minus(left: Column, right: Column) -> Column:
    if isinstance(left, Histogram) and isinstance(right, Histogram):
        return left - right
    if isinstance(left, Levels) and isinstance(right, Levels):
        return left - right
    raise ProfileMismatch("a column is a number in one profile only")
