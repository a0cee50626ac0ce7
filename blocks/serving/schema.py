"""The model's signature as the contract of a request: what fits becomes a frame, the rest a 4xx."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pandas as pd
from mlflow.models import ModelSignature

LIMITS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class Refused(Exception):
    """The request does not fit the contract; the message names the field."""

    def __init__(
        self, status: int, code: str, message: str, *, field: str = "", remedy: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.field, self.remedy = status, code, field, remedy

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        error = {"code": self.code, "field": self.field, "message": str(self)}
        return {"error": error | {"remedy": self.remedy}}


class Column:
    """One input of the model, and how a value of it is checked."""

    def __init__(self, name: str, kind: str, *, required: bool) -> None:
        self.name, self.kind, self.required = name, kind, required
        self._check: Callable[[Any], Any] = CHECKS.get(kind, _anything)

    def values(self, raw: Sequence[Any]) -> Any:
        """Return the column as an array of its type. Raises Refused for the first misfit."""
        out = []
        for row, value in enumerate(raw):
            if value is None or (isinstance(value, float) and math.isnan(value)):
                if self.required and self.kind not in {"double", "float"}:
                    raise self._refuse("may not be empty", row)
                out.append(None if self.kind not in {"double", "float"} else math.nan)
                continue
            try:
                out.append(self._check(value))
            except (TypeError, ValueError) as error:
                raise self._refuse(f"{value!r:.60} is no {self.kind}", row) from error
        missing = any(value is None for value in out)
        return np.array(out, dtype=object if missing else DTYPES.get(self.kind, object))

    def _refuse(self, problem: str, row: int) -> Refused:
        return Refused(
            400,
            "TYPE",
            f"{self.name} of row {row}: {problem}",
            field=self.name,
            remedy=f"send a {self.kind}",
        )


class RequestSchema:
    """Turns the body of a request into the model's frame."""

    def __init__(self, signature: ModelSignature | None) -> None:
        self.columns: list[Column] = []
        inputs = signature.inputs if signature is not None else None
        if inputs is not None and not inputs.is_tensor_spec():
            self.columns = [
                Column(str(spec.name), spec.type.name, required=bool(spec.required))
                for spec in inputs.inputs
            ]

    def frame(self, body: bytes) -> pd.DataFrame:
        """Return the rows of an ``/invocations`` request. Raises Refused."""
        if not body:
            raise Refused(400, "EMPTY", "the body is empty", remedy=REMEDY)
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Refused(400, "JSON", f"the body is not JSON: {error}", remedy=REMEDY) from error
        if not isinstance(content, dict):
            raise Refused(400, "SHAPE", "the body is not a JSON object", remedy=REMEDY)
        return self.of_columns(_columns(content))

    def of_columns(self, raw: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
        """Return named columns as the model's frame. Raises Refused."""
        if not raw or not len(next(iter(raw.values()))):
            raise Refused(400, "EMPTY", "there are no rows", remedy="send at least one row")
        if not self.columns:
            return pd.DataFrame(dict(raw))
        known = {column.name for column in self.columns}
        if unknown := [name for name in raw if name not in known]:
            raise Refused(
                400,
                "UNKNOWN_COLUMN",
                f"{unknown[0]!r} is no input of this model",
                field=str(unknown[0]),
                remedy=f"send {', '.join(sorted(known))}",
            )
        data: dict[str, Any] = {}
        for column in self.columns:
            if column.name in raw:
                data[column.name] = column.values(raw[column.name])
            elif column.required:
                raise Refused(
                    400,
                    "MISSING_COLUMN",
                    f"{column.name!r} is missing",
                    field=column.name,
                    remedy=f"send {column.name} as {column.kind}",
                )
        return pd.DataFrame(data)


REMEDY = (
    'send {"dataframe_records": [{...}]}, {"dataframe_split": {"columns": [...], "data": [...]}}, '
    '{"instances": [{...}]} or {"inputs": {"column": [...]}}'
)


def _columns(content: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the columns of any of the shapes that MLflow's scoring server takes."""
    records = content.get("dataframe_records", content.get("instances"))
    if records is not None:
        return _of_records(records)
    if (split := content.get("dataframe_split")) is not None:
        return _of_split(split)
    inputs = content.get("inputs")
    if isinstance(inputs, dict):
        lists = {k: v if isinstance(v, list) else [v] for k, v in inputs.items()}
        if len({len(values) for values in lists.values()}) > 1:
            raise Refused(400, "SHAPE", "the columns differ in length", field="inputs")
        return lists
    if isinstance(inputs, list):
        return _of_records(inputs)
    raise Refused(400, "SHAPE", "the body names no rows", remedy=REMEDY)


def _of_records(records: Any) -> dict[str, list[Any]]:
    if not isinstance(records, list) or not all(isinstance(row, dict) for row in records):
        raise Refused(400, "SHAPE", "rows must be a list of objects", remedy=REMEDY)
    names = dict.fromkeys(name for row in records for name in row)
    return {name: [row.get(name) for row in records] for name in names}


def _of_split(split: Any) -> dict[str, list[Any]]:
    names = split.get("columns") if isinstance(split, dict) else None
    rows = split.get("data") if isinstance(split, dict) else None
    if not isinstance(names, list) or not isinstance(rows, list):
        raise Refused(400, "SHAPE", "dataframe_split needs columns and data", remedy=REMEDY)
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        raise Refused(400, "SHAPE", f"every row of data needs {len(names)} values", field="data")
    return {str(name): [row[index] for row in rows] for index, name in enumerate(names)}


def _integer(kind: str) -> Callable[[Any], int]:
    low, high = LIMITS[kind]

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise TypeError
        return value

    return check


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isinf(value):
        raise TypeError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _anything(value: Any) -> Any:
    return value


CHECKS: dict[str, Callable[[Any], Any]] = {
    "integer": _integer("integer"),
    "long": _integer("long"),
    "double": _number,
    "float": _number,
    "string": _text,
    "boolean": _truth,
    "datetime": pd.Timestamp,
}
DTYPES: dict[str, Any] = {
    "integer": np.int32,
    "long": np.int64,
    "double": np.float64,
    "float": np.float32,
    "boolean": np.bool_,
    "datetime": "datetime64[ns]",
}
