"""The inference table of an endpoint: what was asked and answered, as Databricks keeps it.

A row is a request, and comes within the hour; both bodies are JSON. Refusals by the gateway are not
in it. https://docs.databricks.com/aws/en/ai-gateway/inference-tables
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import Window
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.warehouse import Row, rows
from blocks.serving.answers import by_row, score, whole
from blocks.serving.capture_names import column_of

_STATEMENT = """\
SELECT p.databricks_request_id, p.request_time, p.status_code, p.execution_duration_ms,
  p.request, p.response, p.requester, e.served_entity_name
FROM {table} AS p
LEFT JOIN system.serving.served_entities AS e
  ON e.served_entity_id = p.served_entity_id AND e.endpoint_name = :endpoint
WHERE p.request_time >= CAST(:start AS TIMESTAMP) AND p.request_time < CAST(:end AS TIMESTAMP)
ORDER BY p.request_time, p.databricks_request_id
"""
_MILLISECONDS = 1000.0


def requests_of(
    account: DatabricksWorkspace, table: str, endpoint: str, window: Window
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the requests that came in a window, oldest first, as captured rows are."""
    statement = _STATEMENT.replace("{table}", _quoted(table))
    window_of = {"start": _told(window.start), "end": _told(window.end)}
    for row in rows(account, statement, endpoint=account.named(endpoint), **window_of):
        yield from captured_rows(row)


def captured_rows(row: Row) -> Iterator[Mapping[str, Any]]:
    """Yield what was captured of one request, row by row; one whose body is not kept has none."""
    inputs = list(_inputs(json.loads(row["request"] or "null")))
    answers = _predictions(json.loads(row["response"] or "null"), len(inputs))
    for number, (values, answer) in enumerate(zip(inputs, answers, strict=True)):
        yield {
            "at": datetime.fromisoformat(str(row["request_time"])),
            "request_id": row["databricks_request_id"] or "",
            "row": number,
            "variant": row["served_entity_name"] or "",
            "mirrored": False,
            "status": int(row["status_code"] or 0),
            "seconds": float(row["execution_duration_ms"] or 0) / _MILLISECONDS,
            "user": row["requester"] or "",
            **{column_of(name): value for name, value in values.items()},
            "prediction": score(answer),
            "answer": whole(answer),
        }


def to_parquet(found: Iterable[Mapping[str, Any]]) -> bytes:
    """Return captured rows as a file; what a request did not send is null."""
    kept = list(found)
    names = dict.fromkeys(name for row in kept for name in row)
    for last in ("prediction", "answer"):
        names.pop(last, None)
        names[last] = None
    columns = {name: _column([row.get(name) for row in kept], name) for name in names}
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="zstd")
    return out.getvalue()


def _inputs(body: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a request, in whichever of MLflow's forms it is; none of another."""
    told = body if isinstance(body, Mapping) else {}
    records, inputs = told.get("dataframe_records") or told.get("instances"), told.get("inputs")
    if isinstance(split := told.get("dataframe_split"), Mapping):
        for values in split["data"]:
            names = split.get("columns") or [str(number) for number in range(len(values))]
            yield dict(zip(names, values, strict=True))
    elif isinstance(inputs, Mapping):
        yield from _transposed(inputs)
    elif isinstance(found := records or inputs, list):
        yield from (each if isinstance(each, Mapping) else {"inputs": each} for each in found)


def _transposed(columns: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    wide = {name: each if isinstance(each, list) else [each] for name, each in columns.items()}
    for values in zip(*wide.values(), strict=True):
        yield dict(zip(wide, values, strict=True))


def _predictions(body: Any, count: int) -> Sequence[Any]:
    """Return what was answered for each row; none where the model gave none."""
    found = body.get("predictions") if isinstance(body, Mapping) else None
    return by_row(found, count) or [None] * count


def _column(values: Sequence[Any], name: str) -> pa.Array:
    kinds = {"at": pa.timestamp("us", "UTC"), "row": pa.int32(), "status": pa.int32()}
    kinds["answer"] = pa.string()
    if name in kinds:
        return pa.array(values, kinds[name])
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # of several kinds
        return pa.array([None if each is None else str(each) for each in values], pa.string())


def _quoted(table: str) -> str:
    return ".".join(f"`{part}`" for part in table.split("."))


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
