"""The model's signature as the contract of a request: what fits becomes rows, the rest a 4xx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from mlflow.models import ModelSignature

from blocks.serving.columns import Array, Column
from blocks.serving.refused import Refused

UNNAMED = ""  # the only tensor of a model whose input has no name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The checked rows of one request, by column."""

    columns: Mapping[str, Array]
    count: int

    @property
    def key(self) -> tuple[Any, ...]:
        """What two requests must have in common to be answered by one call."""
        return tuple((name, array.dtype, array.shape[1:]) for name, array in self.columns.items())


class Schema(Protocol):
    """What a model takes."""

    strict: bool  # False = the model has no signature, and everything fits

    def rows(self, raw: Mapping[str, Sequence[Any]]) -> Rows:
        """Check named columns. Raises Refused, naming the field."""
        ...

    def build(self, columns: Mapping[str, Array]) -> Any:
        """Return what the model's ``predict`` takes."""
        ...

    def example(self) -> Mapping[str, Sequence[Any]]:
        """Return one row that fits; none where nothing is known."""
        ...


def schema_of(signature: ModelSignature | None) -> Schema:
    """Return what a signature asks for. Columns without a name cannot be checked."""
    inputs = signature.inputs if signature is not None else None
    if inputs is None:
        return ColumnSchema([])
    if inputs.is_tensor_spec():
        return TensorSchema(
            {spec.name or UNNAMED: (spec.type, tuple(spec.shape)) for spec in inputs.inputs}
        )
    if not inputs.has_input_names():
        return ColumnSchema([])
    return ColumnSchema(
        [
            Column(spec.name, getattr(spec.type, "name", "any"), required=bool(spec.required))
            for spec in inputs.inputs
        ]
    )


class ColumnSchema:
    """A frame with named columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.strict = bool(columns)
        self._known = {column.name for column in columns}

    def rows(self, raw: Mapping[str, Sequence[Any]]) -> Rows:
        """Check named columns. Raises Refused, naming the field."""
        count = len(next(iter(raw.values()), ()))
        if not count:
            raise Refused(400, "EMPTY", "there are no rows", remedy="send at least one row")
        if not self.strict:
            return Rows(
                columns={name: _as_it_is(values) for name, values in raw.items()}, count=count
            )
        for name in raw:
            if name not in self._known:
                raise self._unknown(name)
        found = {}
        for column in self.columns:
            values = raw.get(column.name)
            if values is not None:
                found[column.name] = column.array(values)
            elif column.required:
                raise _missing(column.name, column.type)
        return Rows(columns=found, count=count)

    def build(self, columns: Mapping[str, Array]) -> pd.DataFrame:
        """Return the frame; an optional column that was not sent is not in it, as in MLflow."""
        return pd.DataFrame(dict(columns))

    def example(self) -> Mapping[str, Sequence[Any]]:
        """Return one row that fits."""
        return {column.name: [column.kind.example] for column in self.columns if column.required}

    def _unknown(self, name: str) -> Refused:
        if name == UNNAMED:
            remedy = "send every row as an object, or the columns by name"
            return Refused(400, "SHAPE", "the rows do not name their columns", remedy=remedy)
        message = f"{name[:100]!r} is no input of this model"
        remedy = f"send {', '.join(column.name for column in self.columns)}"
        return Refused(400, "UNKNOWN_COLUMN", message, field=name[:100], remedy=remedy)


class TensorSchema:
    """Arrays with a shape, whose first dimension is the row."""

    strict = True

    def __init__(self, tensors: Mapping[str, tuple[Any, tuple[int, ...]]]) -> None:
        self.tensors = tensors

    def rows(self, raw: Mapping[str, Sequence[Any]]) -> Rows:
        """Check named tensors. Raises Refused, naming the field."""
        if len(self.tensors) == 1 and len(raw) == 1:
            raw = {next(iter(self.tensors)): next(iter(raw.values()))}
        for name in raw:
            if name not in self.tensors:
                remedy = f"send {', '.join(self.tensors)}"
                message = f"{name[:100]!r} is no input of this model"
                raise Refused(400, "UNKNOWN_COLUMN", message, field=name[:100], remedy=remedy)
        found = {}
        for name, (dtype, shape) in self.tensors.items():
            if name not in raw:
                raise _missing(name, f"{dtype} of shape {shape}")
            found[name] = _tensor(name or "inputs", raw[name], dtype, shape)
        counts = {len(array) for array in found.values()}
        if len(counts) > 1:
            raise Refused(
                400, "SHAPE", "the tensors differ in their number of rows", field="inputs"
            )
        if counts == {0}:
            raise Refused(400, "EMPTY", "there are no rows", remedy="send at least one row")
        return Rows(columns=found, count=counts.pop())

    def build(self, columns: Mapping[str, Array]) -> Any:
        """Return the array, or a dict of arrays where they have names."""
        return columns[UNNAMED] if UNNAMED in columns else dict(columns)

    def example(self) -> Mapping[str, Sequence[Any]]:
        """Return one row of zeros."""
        return {
            name: np.zeros([1, *(max(size, 1) for size in shape[1:])], dtype=dtype).tolist()
            for name, (dtype, shape) in self.tensors.items()
        }


def _tensor(name: str, raw: Any, dtype: Any, shape: tuple[int, ...]) -> Array:
    remedy = f"send {dtype} of shape {list(shape)}"
    try:
        array = np.asarray(raw)
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            raise TypeError
        array = array.astype(dtype)
    except (TypeError, ValueError) as error:
        raise Refused(
            400, "TYPE", f"{name} is no array of {dtype}", field=name, remedy=remedy
        ) from error
    fits = array.ndim == len(shape) and all(
        wanted in (-1, found) for wanted, found in zip(shape[1:], array.shape[1:], strict=True)
    )
    if not fits:
        message = f"{name} has shape {list(array.shape)}"
        raise Refused(400, "SHAPE", message, field=name, remedy=remedy)
    if array.dtype.kind == "f" and not bool(np.isfinite(array).all()):
        message = f"{name} holds values that are no numbers"
        raise Refused(400, "MISSING_VALUE", message, field=name, remedy=remedy)
    return array


def _missing(name: str, kind: str) -> Refused:
    return Refused(
        400,
        "MISSING_COLUMN",
        f"{name!r} is missing",
        field=name or "inputs",
        remedy=f"send {name or 'inputs'} as {kind}",
    )


def _as_it_is(values: Sequence[Any]) -> Array:
    array: Array = pd.Series(list(values)).to_numpy()
    return array
