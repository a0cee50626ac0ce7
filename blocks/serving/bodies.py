"""The shapes of a request's body that MLflow's scoring server takes, turned into columns.

https://mlflow.org/docs/latest/deployment/deploy-model-locally/#json-input
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import orjson

from blocks.serving.refused import Refused
from blocks.serving.schema import UNNAMED, ColumnSchema, Schema

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
JSON, CSV = "application/json", "text/csv"
REMEDY = (
    'send {"dataframe_records": [{...}]}, {"dataframe_split": {"columns": [...], "data": [...]}}, '
    '{"instances": [{...}]} or {"inputs": {"column": [...]}}'
)

Columns = Mapping[str, list[Any]]


def media_type(content_type: str) -> str:
    """Return JSON or CSV. Raises Refused for anything else."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [part.partition("=")[2].strip('"') for part in parameters if "charset" in part]
    if kind not in {JSON, CSV, ""} or any(charset not in {"utf-8", "utf8"} for charset in charsets):
        raise Refused(
            415,
            "CONTENT_TYPE",
            f"{content_type[:100]!r} is not understood",
            field="content-type",
            remedy=f"send {JSON} or {CSV}, in UTF-8",
        )
    return kind or JSON


def decode(body: bytes) -> dict[str, Any]:
    """Return the body's JSON object. Raises Refused."""
    if not body.strip():
        raise Refused(400, "EMPTY", "the body is empty", remedy=REMEDY)
    try:
        content = _json(body)
    except (ValueError, RecursionError) as error:
        message = f"the body is not JSON: {str(error)[:100]}"
        raise Refused(400, "JSON", message, remedy=REMEDY) from error
    if not isinstance(content, dict):
        raise Refused(400, "SHAPE", "the body is not a JSON object", remedy=REMEDY)
    return content


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # Python's own clients write NaN, which is no JSON; read it to name the field it is in
        if b"NaN" in body or b"Infinity" in body:
            return json.loads(body)
        raise


def of_json(content: Mapping[str, Any]) -> Columns:
    """Return the columns of a decoded request. Raises Refused."""
    forms = [form for form in FORMS if form in content]
    if len(forms) != 1:
        message = f"the body has {len(forms)} of {', '.join(FORMS)}; it needs one"
        raise Refused(400, "SHAPE", message, remedy=REMEDY)
    form, rows = forms[0], content[forms[0]]
    if form == "dataframe_split":
        return _split(rows)
    if isinstance(rows, dict) and form == "inputs":
        return _by_column(rows)
    if not isinstance(rows, list):
        raise Refused(400, "SHAPE", f"{form} must be a list", field=form, remedy=REMEDY)
    if all(isinstance(row, dict) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}
    if form == "dataframe_records" or any(isinstance(row, dict) for row in rows):
        raise Refused(400, "SHAPE", f"{form} must be objects", field=form, remedy=REMEDY)
    return {UNNAMED: rows}


def _split(split: Any) -> Columns:
    names = split.get("columns") if isinstance(split, dict) else None
    rows = split.get("data") if isinstance(split, dict) else None
    if not isinstance(names, list) or not isinstance(rows, list):
        message = "dataframe_split needs columns and data"
        raise Refused(400, "SHAPE", message, field="dataframe_split", remedy=REMEDY)
    return _table([str(name) for name in names], rows)


def _table(names: list[str], rows: list[Any]) -> Columns:
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            message = f"row {number} does not have {len(names)} values"
            remedy = "send one value for each column"
            raise Refused(400, "SHAPE", message, field="data", remedy=remedy)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        message = f"{twice[:100]!r} is there twice"
        raise Refused(400, "SHAPE", message, field=twice[:100], remedy="send each column once")
    if not rows:
        return {name: [] for name in names}
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _by_column(inputs: dict[str, Any]) -> Columns:
    lists = {
        name: values if isinstance(values, list) else [values] for name, values in inputs.items()
    }
    if len({len(values) for values in lists.values()}) > 1:
        remedy = "send one value of every column for each row"
        raise Refused(400, "SHAPE", "columns differ in length", field="inputs", remedy=remedy)
    return lists


def of_csv(body: bytes, schema: Schema) -> Columns:
    """Return the columns of a CSV file with a header, its texts read by the model's types."""
    if not body.strip():
        raise Refused(400, "EMPTY", "the body is empty", remedy="send a header and rows")
    try:
        lines = [
            row for row in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if row
        ]
    except (ValueError, csv.Error) as error:
        message = f"the body is not CSV in UTF-8: {str(error)[:100]}"
        raise Refused(400, "CSV", message, remedy="send a header and rows") from error
    raw = _table(lines[0], lines[1:])
    kinds = (
        {column.name: column.type for column in schema.columns}
        if isinstance(schema, ColumnSchema)
        else {}
    )
    return {
        name: [_read(text, kinds.get(name, "double")) for text in values]
        for name, values in raw.items()
    }


def _read(text: str, kind: str) -> Any:
    """Return a CSV text as the JSON value it stands for; what it cannot be is left as text."""
    if kind == "string":
        return text
    if not text:
        return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return int(text) if kind in {"long", "integer"} else float(text)
    except ValueError:
        return text
