"""What profiles of the same data must share to be merged: centres, scales and named values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from blocks.contracts import Frozen, added_field

NAMED = 1000  # frequent values of a category that are never dropped
FINEST = 1e-30  # a scale that leaves room for usual numbers below 3e38 scales, which is infinity
IDENTIFIER = 0.5  # share of rows with a value of their own that makes a column an identifier


class Axis(Frozen):
    """How one column is counted: a number by its bins, anything else by its values."""

    name: str
    numeric: bool
    centre: float = 0.0
    scale: float = Field(default=1.0, gt=0)
    named: tuple[str, ...] = ()
    optional: bool = added_field(False)  # a row need not have it: where none has, all are missing


class Axes(Frozen):
    """The columns of a profile. Two profiles can be merged if their axes are equal."""

    columns: tuple[Axis, ...]

    def __getitem__(self, name: str) -> Axis:
        return next(axis for axis in self.columns if axis.name == name)

    def only(self, names: Sequence[str]) -> Axes:
        """Return the axes of those columns."""
        return Axes(columns=tuple(axis for axis in self.columns if axis.name in names))

    def with_optional(self, names: Sequence[str]) -> Axes:
        """Return the same axes, of which these are of columns that rows need not have."""
        marked = (axis.name in names for axis in self.columns)
        return Axes(
            columns=tuple(
                axis.model_copy(update={"optional": optional})
                for axis, optional in zip(self.columns, marked, strict=True)
            )
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are profiled, in the order of the data."""
        return tuple(axis.name for axis in self.columns)


def axes_of(sample: pa.Table, *, categorical: Sequence[str] = ()) -> Axes:
    """Return axes from some rows of the reference; any rows do, they only set the resolution.

    Numbers, dates and times are numeric unless listed in ``categorical``; text and booleans are
    categories; lists, structures and bytes are left out. So are identifiers: categories in which
    most rows have a value of their own.
    """
    found = []
    for field in sample.schema:
        column = sample.column(field.name)
        if is_category(field.type) or field.name in categorical:
            axis = _category(field.name, column)
            found += [axis] if axis else []
        elif is_number(field.type):
            found.append(_number(field.name, column))
    return Axes(columns=tuple(found))


def is_number(kind: pa.DataType) -> bool:
    """Whether a column is counted by its size."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_temporal(kind)
    )


def is_category(kind: pa.DataType) -> bool:
    """Whether a column is counted by its values."""
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_dictionary(kind)
        or pa.types.is_null(kind)
    )


def numbers(column: pa.Array) -> np.ndarray:
    """Return the values of a numeric column without the missing ones."""
    kind = column.type
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_timestamp(kind):
        # one unit for all: a file may have nanoseconds where Spark has microseconds
        column = column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
    elif pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        column = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    elif pa.types.is_duration(kind):
        column = column.cast(pa.int64())
    if column.null_count:
        column = column.drop_null()
    values: np.ndarray = column.to_numpy(zero_copy_only=False)
    return values


def _number(name: str, column: pa.ChunkedArray) -> Axis:
    parts = [numbers(chunk).astype(np.float64) for chunk in column.chunks]
    values = np.concatenate(parts) if parts else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return Axis(name=name, numeric=True)
    low, centre, high = np.quantile(values, [0.25, 0.5, 0.75])
    # A column that is mostly one value has no quartile range; how far the others lie will do.
    spread = high - low or np.abs(values - centre).mean()
    scale = float(spread) if np.isfinite(spread) and spread > 0 else max(abs(float(centre)), 1.0)
    return Axis(name=name, numeric=True, centre=float(centre), scale=max(scale, FINEST))


def _category(name: str, column: pa.ChunkedArray) -> Axis | None:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    counted = pc.value_counts(column.drop_null()).to_pylist()
    if len(counted) > max(IDENTIFIER * (len(column) - column.null_count), NAMED / 10):
        return None
    frequent = sorted(counted, key=lambda each: (-each["counts"], str(each["values"])))[:NAMED]
    return Axis(
        name=name, numeric=False, named=tuple(sorted(str(one["values"]) for one in frequent))
    )
