"""One input column of a model: which values fit, and the array that the model gets of them.

The usual case, where every value has the right type already, is checked by the set of types and by
NumPy; only a column with something odd in it is looked at value by value, to name the row.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from blocks.serving.refused import Refused

Array = np.ndarray[Any, Any]
SHOWN = 40  # characters of a wrong value that are sent back
EXACT = 2**53  # whole numbers up to here are exact as floats
FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One data type of MLflow's: JSON types that fit as they are, and what they become."""

    dtype: Any
    missing_dtype: Any  # of a column with missing values in it
    arrow: pa.DataType
    tensor: str  # datatype of the Open Inference Protocol
    check: Callable[[Any], Any]
    example: Any  # a value that fits
    plain: frozenset[type] = frozenset()


class Column:
    """One input of the model.

    A column that the signature requires has a value in every row: MLflow infers ``required`` from
    whether values were missing in training.
    """

    def __init__(self, name: str, kind: str, *, required: bool) -> None:
        self.name, self.required = name, required
        self.type = kind if kind in KINDS else "any"
        self.kind = KINDS[self.type]

    def array(self, raw: Sequence[Any]) -> Array:
        """Return the column as the model gets it. Raises Refused for the first misfit."""
        kind = self.kind
        if raw and set(map(type, raw)) <= kind.plain:
            try:
                array = np.array(raw, dtype=kind.dtype)
            except OverflowError:
                return self._one_by_one(raw)
            if array.dtype.kind != "f" or bool(np.isfinite(array).all()):
                return array
        return self._one_by_one(raw)

    def _one_by_one(self, raw: Sequence[Any]) -> Array:
        values: list[Any] = []
        missing = False
        for row, value in enumerate(raw):
            if value is None or (isinstance(value, float) and math.isnan(value)):
                if self.required:
                    raise self._misfit("may not be missing", row)
                values.append(None)
                missing = True
                continue
            try:
                values.append(self.kind.check(value))
            except (TypeError, ValueError, OverflowError) as error:
                shown = repr(value)[:SHOWN] if isinstance(value, str | int | float) else "this"
                raise self._misfit(f"{shown} is no {self.type}", row) from error
        dtype = self.kind.missing_dtype if missing else self.kind.dtype
        if dtype is object:
            return np.fromiter(values, dtype=object, count=len(values))
        return np.array(values, dtype=dtype)

    def _misfit(self, problem: str, row: int) -> Refused:
        return Refused(
            400,
            "MISSING_VALUE" if problem.startswith("may not") else "TYPE",
            f"{self.name} of row {row}: {problem}",
            field=self.name,
            remedy=f"send {self.name} as {self.type} in every row",
        )


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        # JSON does not tell 3 from 3.0
        if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise TypeError
        return value

    return check


def _number(limit: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if not abs(value) <= limit:
            raise ValueError
        return float(value)

    return check


def _of(wanted: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, wanted):
            raise TypeError
        return value

    return check


def _moment(value: Any) -> np.datetime64:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError
    return base64.b64decode(value, validate=True)


_FLOATS: dict[str, Any] = {"plain": frozenset({float, int}), "example": 0.0}
_WHOLE: dict[str, Any] = {"plain": frozenset({int}), "example": 0, "missing_dtype": np.float64}

KINDS: Mapping[str, Kind] = {
    "double": Kind(
        dtype=np.float64,
        missing_dtype=np.float64,
        arrow=pa.float64(),
        tensor="FP64",
        check=_number(float(np.finfo(np.float64).max)),
        **_FLOATS,
    ),
    "float": Kind(
        dtype=np.float32,
        missing_dtype=np.float32,
        arrow=pa.float32(),
        tensor="FP32",
        check=_number(FLOAT32),
        **_FLOATS,
    ),
    "long": Kind(
        dtype=np.int64,
        arrow=pa.int64(),
        tensor="INT64",
        check=_whole(-(2**63), 2**63 - 1),
        **_WHOLE,
    ),
    "integer": Kind(
        dtype=np.int32,
        arrow=pa.int32(),
        tensor="INT32",
        check=_whole(-(2**31), 2**31 - 1),
        **_WHOLE,
    ),
    "boolean": Kind(
        dtype=np.bool_,
        missing_dtype=object,
        arrow=pa.bool_(),
        tensor="BOOL",
        check=_of(bool),
        plain=frozenset({bool}),
        example=False,
    ),
    "string": Kind(
        dtype=object,
        missing_dtype=object,
        arrow=pa.string(),
        tensor="BYTES",
        check=_of(str),
        plain=frozenset({str}),
        example="",
    ),
    "datetime": Kind(
        dtype="datetime64[us]",
        missing_dtype="datetime64[us]",
        arrow=pa.timestamp("us"),
        tensor="BYTES",
        check=_moment,
        example="2000-01-01",
    ),
    "binary": Kind(
        dtype=object,
        missing_dtype=object,
        arrow=pa.binary(),
        tensor="BYTES",
        check=_bytes,
        example="",
    ),
    "any": Kind(  # lists, objects and what else a signature can say: the model looks itself
        dtype=object,
        missing_dtype=object,
        arrow=pa.string(),
        tensor="BYTES",
        check=lambda value: value,
        example=None,
    ),
}
