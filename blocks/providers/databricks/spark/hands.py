"""Spark's executors as those who score the files of a batch job: each task scores a file."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from blocks.cloud.bucket import Found
from blocks.cloud.scored_files import FileWork
from blocks.serving.batch import CannotScore
from blocks.workload.memory import peak_memory

_ROUNDS = 4  # of all cores, until it is told how far the job is
_COLUMNS = {
    "number": pa.int64(),
    "rows": pa.int64(),
    "code": pa.string(),  # empty: it is done
    "message": pa.string(),
    "cpu_seconds": pa.float64(),
    "peak_memory_bytes": pa.int64(),
}
_SQL = (
    "number long, rows long, code string, message string, "
    "cpu_seconds double, peak_memory_bytes long"
)


class Executors:
    """The executors of the session that a cluster has for its driver.

    A task that lost its executor is done again elsewhere. What a model raises is told by its file,
    and no round begins after it.
    """

    def __init__(self) -> None:
        self._used, self._most = 0.0, 0

    @property
    def cpu_seconds(self) -> float:
        """Return what driver and tasks have used so far."""
        return time.process_time() + self._used

    @property
    def peak_memory_bytes(self) -> int:
        """Return what the driver, or one Python of an executor, held at most."""
        return max(peak_memory(), self._most)

    def scored(self, work: FileWork, files: Sequence[Found]) -> Iterator[int]:
        """Yield the rows of each file that is done, in order. Raises CannotScore."""
        spark = _session()
        try:
            size = _ROUNDS * spark.sparkContext.defaultParallelism
            for start in range(0, len(files), size):
                yield from self._round(spark, work, files[start : start + size])
        except BaseException:
            spark.sparkContext.cancelAllJobs()  # nothing is written after the last words
            raise

    def _round(self, spark: Any, work: FileWork, files: Sequence[Found]) -> Iterator[int]:
        def do(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for number in batch.column(0).to_pylist():
                    yield told(number, work, files[number])

        numbers = spark.range(0, len(files), 1, len(files))  # a partition to each
        for row in sorted(numbers.mapInArrow(do, _SQL).collect(), key=lambda row: row.number):
            self._used += row.cpu_seconds
            self._most = max(self._most, row.peak_memory_bytes)
            if row.code:
                raise CannotScore(row.code, row.message)
            yield row.rows


def told(number: int, work: FileWork, found: Found) -> pa.RecordBatch:
    """Score one file, and return what came of it as one row; run by Spark's executors."""
    begun, rows, code, message = time.process_time(), 0, "", ""
    try:
        rows = work.rows(found)
    except CannotScore as error:
        code, message = error.code, str(error)
    except Exception as error:  # noqa: BLE001 - the model's code may raise anything
        code, message = type(error).__name__, str(error)
    used = time.process_time() - begun
    values = (number, rows, code, message, used, peak_memory())
    row = dict(zip(_COLUMNS, values, strict=True))
    return pa.RecordBatch.from_pylist([row], schema=pa.schema(_COLUMNS))


def _session() -> Any:
    try:
        sql = importlib.import_module("pyspark.sql")
    except ModuleNotFoundError as error:
        raise CannotScore(
            "NO_SPARK",
            "there is no Spark where this ran: on a cluster it is the runtime's, in a rehearsal it "
            "takes `uv pip install --group spark`; or score with databricks-batch",
        ) from error
    return sql.SparkSession.builder.getOrCreate()
