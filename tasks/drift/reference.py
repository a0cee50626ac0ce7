"""The reference of a model: one profile for each batch it was trained on, kept with the model.

Batches show how much the data moves by itself, which is what an alarm has to be measured against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blocks.contracts import ObjectInfo, ObjectStore
from tasks.batches import in_order
from tasks.drift.axes import Axes, axes_of
from tasks.drift.profile import MissingColumns, Profile, ProfileMismatch, Tally, merged
from tasks.drift.reading import batches, parquet, rows_of, sample, schema_of

SPLITS = 20  # batches made by position where the data names none
LIVE = 8  # batches counted at the same time; a count of 20 columns takes 10 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceProfile:
    """Profiles of the batches that a model was trained on, oldest first, with the same axes."""

    axes: Axes
    batches: Mapping[str, Profile]
    model: str = ""  # name and version, or the digest, of the model it belongs to

    @property
    def whole(self) -> Profile:
        """The profile of all batches together."""
        return merged(list(self.batches.values()))

    def without(self, batch: str) -> Profile:
        """Return the profile of all other batches, by subtraction."""
        return self.whole - self.batches[batch]

    def beside(self, other: ReferenceProfile) -> ReferenceProfile:
        """Return a reference with the columns of both, for the batches that both have."""
        shared = [name for name in self.batches if name in other.batches]
        if not shared:
            raise ProfileMismatch("the two references have no batch in common")
        joined = {name: self.batches[name].beside(other.batches[name]) for name in shared}
        return ReferenceProfile(
            axes=joined[shared[0]].axes, batches=joined, model=self.model or other.model
        )


def reference_of(
    store: ObjectStore,
    uri: str,
    *,
    batch: str | None = None,
    columns: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    model: str = "",
) -> ReferenceProfile:
    """Profile ``columns`` by batch: by the column ``batch``, or in 20 parts by position.

    Parts by position tell how the data moves only if the rows are in the order of time; shuffled
    rows hide it, and alarms will then be raised for what is usual.
    """
    objects = parquet(store, uri)
    layout = layout_of(store, objects, batch=batch, columns=columns, categorical=categorical)
    found = batches(store, objects, layout.wanted)
    return reference_from(layout.parts(found), layout.axes, model=model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the rows of a data set are to be profiled, all at once or some of them at a time."""

    axes: Axes
    batch: str | None  # the column that names the batch of a row
    total: int  # rows of all, of which a batch is a part where no column names one
    beside: tuple[str, ...] = ()  # columns that are read and not profiled

    @property
    def wanted(self) -> list[str]:
        """The columns that are read."""
        batch = [self.batch] if self.batch else []
        return list(dict.fromkeys([*self.axes.names, *self.beside, *batch]))

    def parts(
        self, found: Iterator[pa.RecordBatch], *, first: int = 0
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield rows with the name of their batch; before them are ``first`` rows of others."""
        return named(found, self.batch) if self.batch else split(found, self.total, first=first)


def layout_of(
    store: ObjectStore,
    objects: Sequence[ObjectInfo],
    *,
    batch: str | None,
    columns: Sequence[str] | None,
    categorical: Sequence[str],
    beside: Sequence[str] = (),
) -> Layout:
    """Look at the columns, and at a sample of the rows. Raises MissingColumns.

    ``beside`` are columns to be read, too, where they are there.
    """
    there = schema_of(store, objects).names
    names = [name for name in there if name != batch] if columns is None else list(columns)
    wanted = [*names, *([batch] if batch and batch not in names else [])]
    if lacking := [name for name in wanted if name not in there]:
        raise MissingColumns(f"the data has no column {', '.join(map(repr, lacking))}")
    axes = axes_of(sample(store, objects, names), categorical=categorical)
    return Layout(
        axes=axes,
        batch=batch,
        total=0 if batch else rows_of(store, objects),
        beside=tuple(name for name in beside if name in there),
    )


def reference_from(
    parts: Iterator[tuple[str, pa.RecordBatch]], axes: Axes, *, model: str = ""
) -> ReferenceProfile:
    """Profile rows that come with the name of their batch, in any order of batches."""
    live: dict[str, Tally] = {}
    done: dict[str, Profile] = {}
    for name, rows in parts:
        if name not in live and len(live) == LIVE:
            _put_away(live, done)
        live.setdefault(name, Tally(axes)).add(rows)
    _put_away(live, done)
    ordered = {name: done[name] for name in in_order(done)}
    return ReferenceProfile(axes=axes, batches=ordered, model=model)


def split(
    found: Iterator[pa.RecordBatch], total: int, splits: int = SPLITS, *, first: int = 0
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield rows with the name of the part they are in, by position: ``part-00`` to ``part-19``.

    Before them are ``first`` of all rows.
    """
    splits = min(splits, max(total, 1))
    edges = [total * number // splits for number in range(splits + 1)]
    position, part = first, 0
    for rows in found:
        start = 0
        while start < len(rows):
            while edges[part + 1] <= position:
                part += 1
            size = min(len(rows) - start, edges[part + 1] - position)
            yield f"part-{part:02d}", rows.slice(start, size)
            start, position = start + size, position + size


def named(found: Iterator[pa.RecordBatch], batch: str) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield rows with the name of the batch that a column says they came in."""
    for rows in found:
        column = rows.column(batch)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        values = [str(value) for value in column.dictionary.to_pylist()]
        index = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)
        for each in np.unique(index):
            name = values[each] if each >= 0 else "missing"
            here = np.flatnonzero(index == each)
            yield name, rows if len(here) == len(rows) else rows.take(pa.array(here))


def _put_away(live: dict[str, Tally], done: dict[str, Profile]) -> None:
    for name, tally in live.items():
        profile = tally.profile()
        done[name] = done[name] + profile if name in done else profile
    live.clear()
