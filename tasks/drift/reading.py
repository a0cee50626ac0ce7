"""Data sets as batches of rows: Parquet in any store, read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import ObjectInfo, ObjectStore
from tasks.delta import live_files
from tasks.drift.axes import Axes, is_category
from tasks.drift.profile import Profile, Tally

ROWS = 1 << 17  # rows in memory at a time
SAMPLE_GROUPS = 20  # row groups that a sample is taken from
SAMPLE_ROWS = 5_000  # of each


class NoRows(ValueError):
    """There is no Parquet data at that place."""


def parquet(store: ObjectStore, uri: str) -> list[ObjectInfo]:
    """Return the Parquet objects of a data set: of a folder, of a Delta table, or one object.

    Raises:
        NoRows: there is none.
        InvalidRequest: a Delta table has rows that are not those of its files.
    """
    found = list(store.walk(uri))
    live = live_files(store, uri, found)
    if live is not None:
        kept = list(live)
    else:
        kept = [each for each in found if each.uri.endswith(".parquet")] or found
    if not kept:
        raise NoRows(f"nothing is at {uri}; give the URI of a Parquet file or of a folder of them")
    return kept


def schema_of(store: ObjectStore, objects: Sequence[ObjectInfo]) -> pa.Schema:
    """Return the columns of the first object."""
    with store.open(objects[0].uri) as file:
        return pq.read_schema(file)


def rows_of(store: ObjectStore, objects: Sequence[ObjectInfo]) -> int:
    """Return the number of rows, from the footers alone."""
    total = 0
    for each in objects:
        with store.open(each.uri) as file:
            total += pq.read_metadata(file).num_rows
    return total


def batches(
    store: ObjectStore, objects: Sequence[ObjectInfo], columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows; texts as dictionaries, which are counted without looking at each value.

    Columns that an object lacks are missing from its batches.
    """
    for each in objects:
        with store.open(each.uri) as source:
            yield from open_rows(source, columns)


def open_rows(
    source: BinaryIO, columns: Sequence[str] | None = None, *, groups: Sequence[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one open Parquet object, or those of some of its row groups."""
    schema = pq.read_schema(source)
    source.seek(0)
    texts = [field.name for field in schema if is_category(field.type)]
    file = pq.ParquetFile(source, read_dictionary=texts, pre_buffer=False)
    wanted = [name for name in schema.names if columns is None or name in columns]
    # threads take a fifth more of the processor, and here there is other work for it
    yield from file.iter_batches(ROWS, row_groups=groups, columns=wanted, use_threads=False)


def sample(
    store: ObjectStore, objects: Sequence[ObjectInfo], columns: Sequence[str] | None = None
) -> pa.Table:
    """Return up to 100,000 rows from row groups spread evenly over the data set."""
    groups: list[tuple[ObjectInfo, int]] = []
    for each in objects:
        with store.open(each.uri) as file:
            groups += [(each, group) for group in range(pq.read_metadata(file).num_row_groups)]
    if not groups:
        raise NoRows(f"{objects[0].uri} has no rows")
    chosen = sorted({int(at) for at in np.linspace(0, len(groups) - 1, SAMPLE_GROUPS)})
    share = max(SAMPLE_ROWS, SAMPLE_ROWS * SAMPLE_GROUPS // len(chosen))
    tables = []
    for each, group in (groups[at] for at in chosen):
        with store.open(each.uri) as source:
            file = pq.ParquetFile(source, pre_buffer=False)
            rows = file.metadata.row_group(group).num_rows
            step = max(1, rows // share)
            wanted = [
                name for name in file.schema_arrow.names if columns is None or name in columns
            ]
            for number, piece in enumerate(file.iter_batches(ROWS, [group], wanted)):
                first = -number * ROWS % step
                tables.append(pa.table(piece.take(np.arange(first, len(piece), step))))
    return pa.concat_tables(tables, promote_options="permissive")


def profile_of(store: ObjectStore, uri: str, axes: Axes) -> Profile:
    """Return the profile of a data set, in one pass and constant memory."""
    tally = Tally(axes)
    for rows in batches(store, parquet(store, uri), axes.names):
        tally.add(rows)
    return tally.profile()
