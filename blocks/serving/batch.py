"""Predictions for Parquet files larger than memory: a part at a time, each file whole or not."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from blocks.serving.loading import NotVerified, load_verified

PREDICTION = "prediction"
_MARK = b"bluewater.scored"  # metadata of a finished file: which model, which input
_PART_BYTES = 32 << 20  # of decoded columns in memory at a time
_PART_ROWS = 65_536


class CannotScore(Exception):
    """The data and the model do not fit; the message names the file and the remedy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """A verified model, and which columns it takes."""

    digest: str
    predict: Callable[[pd.DataFrame], Any]
    required: tuple[str, ...]
    optional: tuple[str, ...] | None  # None = it has no signature, and takes every column

    def columns(self, names: list[str], file: Path) -> list[str]:
        """Return which of a file's columns the model takes. Raises CannotScore."""
        if missing := [name for name in self.required if name not in names]:
            remedy = f"add {', '.join(missing)}, or choose another model"
            raise CannotScore("MISSING_COLUMN", f"{file} has no column {missing[0]!r}; {remedy}")
        if PREDICTION in names:
            remedy = "rename it, the predictions take that name"
            raise CannotScore("PREDICTION_COLUMN", f"{file} has a column {PREDICTION!r}; {remedy}")
        if self.optional is None:
            return names
        return [name for name in names if name in {*self.required, *self.optional}]


def load_scorer(folder: Path, wanted: str) -> Scorer:
    """Load a model after its digest was found right. Raises CannotScore."""
    try:
        model = load_verified(folder, wanted)
    except NotVerified as error:
        raise CannotScore("DIGEST", str(error)) from error
    inputs = model.metadata.get_input_schema()
    if inputs is None or inputs.is_tensor_spec():
        return Scorer(digest=wanted, predict=model.predict, required=(), optional=None)
    required = tuple(str(column.name) for column in inputs.inputs if column.required)
    optional = tuple(str(column.name) for column in inputs.inputs if not column.required)
    return Scorer(digest=wanted, predict=model.predict, required=required, optional=optional)


def rows_of(file: Path) -> int:
    """Return how many rows a Parquet file has, from its footer."""
    return int(pq.read_metadata(file).num_rows)


def score_file(scorer: Scorer, source: Path, target: Path) -> Iterator[int]:
    """Score a file, yielding the rows done each time; one that was finished before is left alone.

    ``target`` has the input's columns and ``prediction``, and is there whole or not at all.
    """
    mark = _mark(scorer, source)
    if is_scored(target, mark):
        yield rows_of(source)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("wb") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            yield from _write_parts(scorer, source, out, mark)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def is_scored(target: Path, mark: bytes) -> bool:
    """Whether this very model scored this very input there, to the end."""
    if not target.exists():
        return False
    metadata = pq.read_schema(target).metadata or {}
    return bool(metadata.get(_MARK) == mark)


def _sweep(target: Path) -> None:
    """Remove drafts of this file whose writers were killed; a living one holds its lock."""
    for draft in target.parent.glob(f".{glob.escape(target.name)}.*"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), draft.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()


def _write_parts(scorer: Scorer, source: Path, out: Any, mark: bytes) -> Iterator[int]:
    # Without a buffer size, whole column chunks of a row group are read at once.
    with pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False) as file:
        schema = file.schema_arrow
        names = scorer.columns(schema.names, source)
        kind: pa.DataType | None = None
        writer: pq.ParquetWriter | None = None
        try:
            for batch in file.iter_batches(batch_size=_rows_at_once(file.metadata)):
                scores = _scores(scorer, batch.select(names).to_pandas(), kind)
                if writer is None:
                    kind = scores.type
                    writer = pq.ParquetWriter(out, _with_prediction(schema, kind, mark))
                columns = [*batch.columns, scores]
                writer.write_table(pa.Table.from_arrays(columns, schema=writer.schema))
                yield batch.num_rows
            if writer is None:
                writer = pq.ParquetWriter(out, _with_prediction(schema, pa.float64(), mark))
        finally:
            if writer is not None:
                writer.close()


def _scores(scorer: Scorer, frame: pd.DataFrame, kind: pa.DataType | None) -> pa.Array:
    scores = scorer.predict(frame)
    if isinstance(scores, pd.DataFrame):
        if len(scores.columns) > 1:  # the chances of classes, or several outputs, by name
            return _of_each_row(scores.to_dict(orient="records"), frame, kind)
        scores = scores.iloc[:, 0]
    values = np.asarray(scores)
    return _of_each_row(values if values.ndim == 1 else values.tolist(), frame, kind)


def _of_each_row(values: Any, frame: pd.DataFrame, kind: pa.DataType | None) -> pa.Array:
    if len(values) != len(frame):
        raise CannotScore(
            "ROWS", f"the model made {len(values)} predictions of {len(frame)} rows; mend the model"
        )
    return pa.array(values, type=kind)


def _with_prediction(schema: pa.Schema, kind: pa.DataType, mark: bytes) -> pa.Schema:
    metadata = {**(schema.metadata or {}), _MARK: mark}
    return schema.append(pa.field(PREDICTION, kind)).with_metadata(metadata)


def _rows_at_once(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    decoded = sum(group.total_byte_size for group in groups)
    row = max(1, decoded // max(1, metadata.num_rows))
    return int(max(1, min(_PART_ROWS, _PART_BYTES // row)))


def _mark(scorer: Scorer, source: Path) -> bytes:
    status = source.stat()
    made = {"model": scorer.digest, "size": status.st_size, "modified": status.st_mtime_ns}
    return json.dumps(made, sort_keys=True).encode()
