"""Delta tables for Spark without Delta's jars: what is in a table is told, and read, by delta-rs.

Spark itself looks for modules by the name ``pyspark_*``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema


class DefaultSource(DataSource):  # type: ignore[misc]  # it comes without types
    """``spark.read.format("delta").load(path)``."""

    @classmethod
    def name(cls) -> str:
        """Return what it is asked for by."""
        return "delta"

    def schema(self) -> Any:
        """Return the columns of the table as it is now."""
        return from_arrow_schema(_schema(self._table()))

    def reader(self, schema: Any) -> DataSourceReader:
        """Return what reads the table as it is now."""
        return _Reader(self._table())

    def _table(self) -> DeltaTable:
        return DeltaTable(self.options["path"])


class _Reader(DataSourceReader):  # type: ignore[misc]  # it comes without types
    def __init__(self, table: DeltaTable) -> None:
        self._files, self._schema = table.file_uris(), _schema(table)

    def partitions(self) -> Sequence[InputPartition]:
        return [InputPartition(file) for file in self._files]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        for rows in pq.ParquetFile(partition.value).iter_batches():
            yield pa.RecordBatch.from_arrays(
                [rows.column(each.name).cast(each.type) for each in self._schema],
                schema=self._schema,
            )


def _schema(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())
