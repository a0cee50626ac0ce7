"""A data set as a Spark data frame: read where it lies, and named as from files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from blocks.contracts import InvalidRequest
from tasks.batches import in_order
from tasks.delta import LOG
from tasks.processing.mounted import MountedStore
from tasks.validation.fingerprint import Sums, fingerprint_of, sums_of
from tasks.validation.parquet import columns_of_all, files_of, footer_of
from tasks.validation.report import Check
from tasks.validation.spark import quoted, run_suite_on_spark
from tasks.validation.suite import Expectation
from tasks.validation.validated import DataSet

_SUMS = pa.schema([("sums", pa.string())])


def open_frame(spark: Any, store: MountedStore, uri: str) -> DataSet:
    """Return the data set at a place of this machine: Parquet files, or a Delta table.

    Raises:
        NotFound: there is nothing at ``uri``.
        InvalidRequest: it is neither, files differ in their columns, or Spark cannot read one.
    """
    path = store.path(uri)
    if (path / LOG).is_dir():
        frame = spark.read.format("delta").load(str(path))
        return _Frame(frame, frame.limit(0).toArrow().schema, uri)
    found = [(each.uri, store.path(each.uri)) for each in files_of(store, uri)]
    footers = [footer_of(file, name) for name, file in found]
    schema = columns_of_all([name for name, _ in found], footers)
    for each in schema:
        if pa.types.is_timestamp(each.type) and each.type.unit == "ns":
            raise InvalidRequest(
                f"{uri}: column {each.name!r} has nanoseconds, which Spark does not read; write "
                "microseconds, or leave out near.spark",
                code="NANOSECONDS",
            )
    return _Frame(spark.read.parquet(*(str(file) for _, file in found)), schema, uri)


class _Frame:
    """The rows of a frame; ``schema`` has their columns as Arrow knows them."""

    def __init__(self, frame: Any, schema: pa.Schema, uri: str) -> None:
        self._frame, self._schema, self._uri = frame, schema, uri

    @property
    def columns(self) -> Sequence[str]:
        return list(self._schema.names)

    @property
    def rows(self) -> int:
        return self._sums.rows

    def fingerprint(self) -> str:
        return fingerprint_of(self._schema, self._sums)

    def answers(
        self, name: str, lines: Sequence[Expectation], *, examples: int
    ) -> tuple[tuple[Check, ...], str]:
        return run_suite_on_spark(name, lines, self._frame, examples=examples)

    def newest(self, column: str) -> tuple[str, DataSet]:
        if column not in self._schema.names:
            raise InvalidRequest(f"{self._uri}: no column {column!r} that names batches")
        named = self._frame[quoted(column)].cast("string")
        found = self._frame.select(named).where(named.isNotNull()).distinct().collect()
        names = in_order(row[0] for row in found)
        if not names:
            raise InvalidRequest(f"{self._uri}: {column!r} names no batch; every row lacks it")
        rows = self._frame.where(named == names[-1])
        return names[-1], _Frame(rows, self._schema, self._uri)

    @cached_property
    def _sums(self) -> Sums:
        """Count each partition where it lies."""
        schema = self._schema

        def count(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            found = sums_of(_as_told(batch, schema) for batch in rows)
            text = json.dumps([found.rows, found.hashes, found.squares])
            yield pa.RecordBatch.from_arrays([pa.array([text])], schema=_SUMS)

        frame = self._frame.select(*map(quoted, schema.names))
        parts = (json.loads(row[0]) for row in frame.mapInArrow(count, "sums string").collect())
        return sum(
            (Sums(rows=rows, hashes=hashes, squares=squares) for rows, hashes, squares in parts),
            Sums(),
        )


def _as_told(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows with the types that the files tell: Spark has its own zone, and longer texts."""
    columns = [column.cast(each.type) for column, each in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
