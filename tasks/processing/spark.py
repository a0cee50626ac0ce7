"""The Spark of a job's machine: its session, and work for its executors."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyspark.sql import SparkSession

import tasks

P = TypeVar("P")
F = TypeVar("F")

_SENT, _FOUND = "number int, part binary", "number int, found binary"
_SCHEMA = pa.schema([("number", pa.int32()), ("found", pa.binary())])


def session() -> Any:
    """Return the session of this job's machine; its executors get the code that runs here."""
    spark = SparkSession.builder.getOrCreate()
    archive = Path(str(tasks.__file__)).parents[1]
    if archive.is_file():
        spark.addArtifacts(str(archive), pyfile=True)
    return spark


def spread(spark: Any, work: Callable[[P], F], parts: Sequence[P]) -> Iterable[F]:
    """Return what the work makes of each part, in order, done by Spark's executors."""
    if not parts:
        return []

    def do(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return _done(work, batches)

    sent = [(number, pickle.dumps(part)) for number, part in enumerate(parts)]
    frame = spark.createDataFrame(sent, _SENT).repartition(len(parts))
    found = frame.mapInArrow(do, _FOUND).collect()
    ordered = sorted(found, key=lambda row: int(row[0]))
    return [pickle.loads(bytes(row[1])) for row in ordered]  # noqa: S301 - of our own executors


def _done(work: Callable[[P], F], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for number, part in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            found = pickle.dumps(work(pickle.loads(part)))  # noqa: S301 - of our own driver
            yield pa.RecordBatch.from_arrays(
                [pa.array([number], pa.int32()), pa.array([found], pa.binary())], schema=_SCHEMA
            )
