"""Delta tables for Spark without Delta's jars: what is in a table is told, and read, by delta-rs.

Spark itself looks for modules by the name ``pyspark_*``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from deltalake import DeltaTable
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem
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
    """Reads a file of the table in each task, with the columns that the log alone has.

    A table whose files are not its rows (deletion vectors, column mapping) is refused by delta-rs.
    """

    def __init__(self, table: DeltaTable) -> None:
        folder = SubTreeFileSystem(unquote(urlsplit(table.table_uri).path), LocalFileSystem())
        self._files = list(table.to_pyarrow_dataset(filesystem=folder).get_fragments())
        self._schema = _schema(table)

    def partitions(self) -> Sequence[InputPartition]:
        return [InputPartition(file) for file in self._files]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        yield from partition.value.to_batches(schema=self._schema)


def _schema(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())
