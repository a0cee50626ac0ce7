"""A Parquet data set, wherever it is kept, as files here and as something to ask questions of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from blocks.contracts import InvalidRequest, NotFound, ObjectInfo, ObjectStore
from tasks.batches import in_order
from tasks.delta import live_files
from tasks.validation.dialect import NAME

VIEW = "data"
BATCH = 1 << 16  # rows in memory at a time
SETTINGS = {
    "memory_limit": "500MB",  # beyond it, DuckDB spills to disk
    # Arrow leaves not-a-number out of a file's statistics, and DuckDB then takes it that there is
    # none (github.com/duckdb/duckdb/issues/25521).
    "disabled_optimizers": "statistics_propagation",
}
FLOATS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A DuckDB file that knows the view, and the settings that it must be opened with."""

    path: Path
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        """The address by which SQLAlchemy opens it."""
        name = NAME.replace(".", "+")
        url = sa.URL.create(name, database=str(self.path), query=self.settings)
        return url.render_as_string()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open it for questions that are asked directly."""
        return duckdb.connect(str(self.path), read_only=True, config=dict(self.settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetData:
    """Files of one data set that all have the same columns."""

    uri: str
    files: tuple[Path, ...]
    schema: pa.Schema
    rows: int

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows, some at a time."""
        for file in self.files:
            yield from pq.ParquetFile(file).iter_batches(batch_size=BATCH)

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return a few columns in memory, for questions that no data base answers."""
        tables = [pq.read_table(file, columns=list(columns)) for file in self.files]
        frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
        return frame

    def database(self, folder: Path) -> Database:
        """Return a data base with one view, ``data``, over the files.

        Not-a-number is missing there, as it is for pandas.
        """
        path = folder / "data.duckdb"
        with duckdb.connect(str(path)) as base:
            rows = base.read_parquet([str(file) for file in self.files], union_by_name=True)
            kinds = zip(rows.columns, map(str, rows.types), strict=True)
            rows.project(", ".join(_column(*each) for each in kinds)).create_view(VIEW)
        return Database(path=path, settings={**SETTINGS, "temp_directory": str(folder / "spill")})

    def newest(self, column: str, folder: Path) -> tuple[str, ParquetData]:
        """Return the last of the batches that a column names, and its rows, written to ``folder``.

        Raises InvalidRequest if there is no such column, or no value in it.
        """
        if column not in self.schema.names:
            raise InvalidRequest(f"{self.uri}: no column {column!r} that names batches")
        file, name = folder / "newest.parquet", quoted(column)
        with duckdb.connect() as base:
            base.read_parquet([str(each) for each in self.files], union_by_name=True).create_view(
                VIEW
            )
            asked = f"select distinct {name}::varchar from {VIEW} where {name} is not null"
            names = in_order(str(row[0]) for row in base.execute(asked).fetchall())
            if not names:
                raise InvalidRequest(f"{self.uri}: {column!r} names no batch; every row lacks it")
            rows = base.sql(f"from {VIEW} where {name}::varchar = ?", params=[names[-1]])
            rows.write_parquet(str(file))
        footer = pq.read_metadata(file)
        newest = ParquetData(
            uri=self.uri,
            files=(file,),
            schema=footer.schema.to_arrow_schema(),
            rows=footer.num_rows,
        )
        return names[-1], newest


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def open_parquet(store: ObjectStore, uri: str, folder: Path) -> ParquetData:
    """Return the data set; one that is kept elsewhere is copied into ``folder``, once.

    Raises:
        NotFound: there is no file below ``uri``.
        InvalidRequest: a file is not Parquet, or its columns differ from the others'.
    """
    found = files_of(store, uri)
    files = [_local(store, each.uri, folder / f"{i}.parquet") for i, each in enumerate(found)]
    names = [each.uri for each in found]
    footers = [footer_of(file, uri) for file, uri in zip(files, names, strict=True)]
    rows = sum(footer.num_rows for footer in footers)
    return ParquetData(
        uri=uri, files=tuple(files), schema=columns_of_all(names, footers), rows=rows
    )


def files_of(store: ObjectStore, uri: str) -> Sequence[ObjectInfo]:
    """Return the Parquet files of a data set: of a folder, of a Delta table, or one file.

    Raises:
        NotFound: there is none.
        InvalidRequest: a Delta table has rows that are not those of its files.
    """
    found = list(store.walk(uri))
    live = live_files(store, uri, found)
    if live is not None:
        found = list(live)
    elif len(found) != 1 or found[0].uri != uri:
        found = [each for each in found if each.uri.endswith((".parquet", ".pq"))]
    if not found:
        raise NotFound(f"{uri}: no Parquet file there; write the data first, or name its place")
    return found


def footer_of(file: Path, uri: str) -> pq.FileMetaData:
    """Return what a file says of itself. Raises InvalidRequest if it is not Parquet."""
    try:
        return pq.read_metadata(file)
    except (pa.ArrowInvalid, OSError) as error:
        text = str(error).split("\n")[0]
        raise InvalidRequest(
            f"{uri}: not a Parquet file: {text}; write it again", code="PARQUET"
        ) from error


def columns_of_all(uris: Sequence[str], footers: Sequence[pq.FileMetaData]) -> pa.Schema:
    """Return the columns of files that all have the same. Raises InvalidRequest if they differ."""
    first: pa.Schema = footers[0].schema.to_arrow_schema()
    for footer, uri in zip(footers, uris, strict=True):
        if differing := _differences(first, footer.schema.to_arrow_schema()):
            raise InvalidRequest(
                f"{uri}: columns differ from {uris[0]}: {', '.join(differing)}; "
                "write all files of a data set with the same columns",
                code="SCHEMA",
            )
    return first


def _local(store: ObjectStore, uri: str, copy: Path) -> Path:
    """Return the file itself where it lies on this machine, else a copy: it is read many times."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    with store.open(uri) as source, copy.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return copy


def _differences(one: pa.Schema, other: pa.Schema) -> list[str]:
    kinds = [{field.name: str(field.type) for field in schema} for schema in (one, other)]
    names = sorted(kinds[0].keys() | kinds[1].keys())
    return [
        f"{name} ({kinds[1].get(name, 'missing')} instead of {kinds[0].get(name, 'none')})"
        for name in names
        if kinds[0].get(name) != kinds[1].get(name)
    ]


def _column(name: str, kind: str) -> str:
    column = quoted(name)
    return (
        f"case when not isnan({column}) then {column} end as {column}" if kind in FLOATS else column
    )
