"""Requests and predictions, kept in Parquet files for drift and for shadowing."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from blocks.serving.capture_names import column_of, name_of
from blocks.serving.schema import ColumnSchema, Rows, Schema

log = logging.getLogger(__name__)

WAITING, WAITING_BYTES = 20_000, 32 << 20  # kept in memory at most; more are dropped, and counted
FILE_REQUESTS = 10_000  # a file is written when so many wait, and after a time anyway


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One answered request. Predictions and answers are one for each row, or none at all."""

    at: float
    request_id: str
    mirrored: bool
    status: int
    seconds: float
    user: str
    rows: Rows
    predictions: Sequence[Any]
    answers: Sequence[str | None] = ()  # all that was answered, where that is more
    size: int  # bytes of its body


class Captures:
    """A bounded queue, and the files it is written to."""

    def __init__(self, folder: Path, *, variant: str, replica: str, schema: Schema) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._variant = folder, variant
        self._suffix = f"{variant}.{replica}.{os.getpid()}"
        self._types = (
            {column.name: column.kind.arrow for column in schema.columns}
            if isinstance(schema, ColumnSchema)
            else {}
        )
        self._kept: deque[Captured] = deque()
        self._lock = threading.Lock()
        self._bytes = self._files = 0
        self.full = threading.Event()  # enough for a file
        self.dropped = 0

    def keep(self, captured: Captured) -> None:
        """Keep a request for the next file; when too many wait, it is dropped and counted."""
        with self._lock:
            if len(self._kept) >= WAITING or self._bytes + captured.size > WAITING_BYTES:
                self.dropped += 1
                return
            self._kept.append(captured)
            self._bytes += captured.size
        if len(self._kept) >= FILE_REQUESTS:
            self.full.set()

    def write(self) -> None:
        """Write what waits as one file, which appears whole; what cannot be written is lost."""
        with self._lock:
            kept, self._kept = self._kept, deque()
            self._bytes = 0
            self.full.clear()
        if not kept:
            return
        times = [each.at for each in kept]
        self._files += 1
        name = name_of(min(times), max(times), f"{self._suffix}.{self._files}")
        draft = self._folder / f".{name}"
        try:
            pq.write_table(self._table(kept), draft, compression="zstd")
            draft.rename(self._folder / f"{name}.parquet")
        except (OSError, pa.ArrowException) as error:
            draft.unlink(missing_ok=True)
            self.dropped += len(kept)
            log.warning("%d captured requests are lost: %s", len(kept), error)

    def _table(self, kept: Sequence[Captured]) -> pa.Table:
        sizes = [each.rows.count for each in kept]
        of = np.repeat(np.arange(len(kept)), sizes)  # which request each row is of
        starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        at = pa.array([int(each.at * 1e6) for each in kept], pa.timestamp("us", "UTC"))
        return pa.table(
            {
                "at": at.take(of),
                "request_id": pa.array([each.request_id for each in kept], pa.string()).take(of),
                "row": pa.array(np.arange(len(of)) - starts, pa.int32()),
                "variant": pa.array([self._variant] * len(of), pa.string()),
                "mirrored": pa.array([each.mirrored for each in kept]).take(of),
                "status": pa.array([each.status for each in kept], pa.int32()).take(of),
                "seconds": pa.array([each.seconds for each in kept], pa.float64()).take(of),
                "user": pa.array([each.user for each in kept], pa.string()).take(of),
                **self._inputs([each.rows for each in kept]),
                "prediction": _predictions(kept),
                "answer": pa.array(_by_row([each.answers for each in kept], sizes), pa.string()),
            }
        )

    def _inputs(self, requests: Sequence[Rows]) -> Mapping[str, pa.Array]:
        names = self._types or dict.fromkeys(name for rows in requests for name in rows.columns)
        return {
            column_of(name): _column(
                [(rows.columns.get(name), rows.count) for rows in requests], kind
            )
            for name, kind in names.items()
        }


def _column(parts: Sequence[tuple[Any, int]], kind: pa.DataType | None) -> pa.Array:
    """Return one input of all rows; where a request did not send it, it is null."""
    arrays = [array for array, _ in parts if array is not None]
    if len(arrays) == len(parts) and len({array.dtype for array in arrays}) == 1:
        return _arrow(np.concatenate(arrays), kind)
    kind = kind or pa.string()
    chunks = [
        pa.nulls(count, kind) if array is None else _arrow(array, kind) for array, count in parts
    ]
    return pa.chunked_array(chunks, kind).combine_chunks()


def _arrow(array: Any, kind: pa.DataType | None) -> pa.Array:
    if array.ndim > 1:
        return pa.array(array.tolist())
    if array.dtype == object and kind in (None, pa.string()):
        return pa.array([_text(value) for value in array], pa.string())
    return pa.array(array, kind, from_pandas=True)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, default=str).decode()


def _predictions(kept: Sequence[Captured]) -> pa.Array:
    sizes = [each.rows.count for each in kept]
    values = _by_row([each.predictions for each in kept], sizes)
    kinds = {type(value) for value in values if value is not None}
    if not kinds or (float in kinds and kinds <= {float, int}):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if len(kinds) > 1:
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array(values)


def _by_row(found: Sequence[Sequence[Any]], sizes: Sequence[int]) -> list[Any]:
    """Return a value for each row of all requests; a request that has none has nulls."""
    return [
        value
        for values, size in zip(found, sizes, strict=True)
        for value in (values or [None] * size)
    ]
