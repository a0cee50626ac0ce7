"""The profile of a data set that many processes read at once.

Profiles of the parts are small and merge exactly, whatever the parts and their order, so the same
code runs on a process pool, on Prefect's task runners (threads, processes, Ray, Dask), and on the
partitions of Spark: whatever can call a function of one argument on many machines is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import Frozen, ObjectStore
from tasks.drift.axes import Axes
from tasks.drift.profile import Profile, Tally, empty, merged
from tasks.drift.reading import open_rows, parquet

PART = 1_000_000  # rows of a part, about: half a second of work


class Partition(Frozen):
    """Some row groups of one Parquet object."""

    uri: str
    groups: tuple[int, ...]


Work = Callable[[Partition], Profile]
Map = Callable[[Work, Sequence[Partition]], Iterable[Profile]]


def profile_in_parts(store: ObjectStore, uri: str, axes: Axes, *, run: Map = map) -> Profile:
    """Return the profile of a data set, part by part.

    ``run`` calls a function on each part, as ``map`` does: ``executor.map`` of a pool, or
    ``lambda work, parts: task(work).map(parts).result()`` inside of a Prefect flow. The store must
    be one that other processes can open, too.
    """
    parts = partitions(store, uri)
    return merged([empty(axes), *run(partial(profile_of_partition, store, axes), parts)])


def partitions(store: ObjectStore, uri: str, *, rows: int = PART) -> list[Partition]:
    """Return parts of about so many rows, never less than a row group. Raises NoRows."""
    return [part for each in parquet(store, uri) for part in _parts(store, each.uri, rows)]


def profile_of_partition(store: ObjectStore, axes: Axes, part: Partition) -> Profile:
    """Return the profile of one part, in constant memory."""
    tally = Tally(axes)
    with store.open(part.uri) as source:
        for rows in open_rows(source, axes.names, groups=part.groups):
            tally.add(rows)
    return tally.profile()


def profile_of_batches(batches: Iterable[pa.RecordBatch], axes: Axes) -> Profile:
    """Return the profile of rows that are in memory, or come from elsewhere.

    For a table: ``profile_of_batches(table.to_batches(), axes)``.
    """
    tally = Tally(axes)
    for rows in batches:
        tally.add(rows)
    return tally.profile()


def _parts(store: ObjectStore, uri: str, rows: int) -> Iterator[Partition]:
    with store.open(uri) as source:
        footer = pq.read_metadata(source)
    groups, held = list[int](), 0
    for group in range(footer.num_row_groups):
        groups.append(group)
        held += footer.row_group(group).num_rows
        if held >= rows or group == footer.num_row_groups - 1:
            yield Partition(uri=uri, groups=tuple(groups))
            groups, held = [], 0
