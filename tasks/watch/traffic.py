"""The traffic of an endpoint in one window, from what was captured, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from blocks.contracts import ObjectInfo, ObjectStore, Window
from blocks.serving.capture_names import column_of
from tasks.drift.axes import Axes
from tasks.drift.profile import Profile, Tally, empty, merged
from tasks.drift.reading import batches, parquet, schema_of
from tasks.drift.rows import RowSample
from tasks.watch.reference import PREDICTION
from tasks.watch.spec import LabelSpec

SAMPLE = 50_000  # rows of a window that performance is judged on
SHARE = 64 << 20  # bytes of files that are counted together, of many that are counted at once
KEYS = ("request_id", "row")  # of captured rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What was asked and answered in a window."""

    rows: int
    profile: Profile  # of the columns that are there
    sample: pa.Table  # at most 50,000 of the rows, with all that was captured


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What some captured files have of a window."""

    profile: Profile
    sample: RowSample


Observe = Callable[[Window], Traffic]


def observed(
    store: ObjectStore,
    objects: Sequence[ObjectInfo],
    window: Window,
    *,
    axes: Axes,
    variant: str = "",
) -> Traffic:
    """Profile the rows that were answered in the window; mirrored ones and errors do not count.

    A column that only some files have is without a value in the others; one that none has is not
    in the profile, unless rows need not have it.
    """
    axes = only_captured(store, objects, axes)
    return joined(axes, [counted(store, objects, window=window, axes=axes, variant=variant)])


def only_captured(store: ObjectStore, objects: Sequence[ObjectInfo], axes: Axes) -> Axes:
    """Return the axes of the columns that any of the files has, or that rows need not have."""
    present: set[str] = set()
    for each in objects:
        present.update(schema_of(store, [each]).names)
    kept = (axis for axis in axes.columns if axis.optional or captured_as(axis.name) in present)
    return axes.only([axis.name for axis in kept])


def captured_as(name: str) -> str:
    """Return the column of captured rows that a watched column is: its own, or the prediction."""
    return name if name == PREDICTION else column_of(name)


def counted(
    store: ObjectStore,
    objects: Sequence[ObjectInfo],
    *,
    window: Window,
    axes: Axes,
    variant: str,
) -> Counted:
    """Return what some of the files have of a window."""
    sample, tally = RowSample(SAMPLE, keys=KEYS), Tally(axes)
    for rows in answered(store, objects, window, variant):
        sample.add(rows)
        tally.add(_whole(rows, axes.names))
    return Counted(profile=tally.profile(), sample=sample)


def shares(objects: Sequence[ObjectInfo], *, most: int = SHARE) -> Iterator[list[ObjectInfo]]:
    """Yield the files in order, as many at a time as have about so many bytes."""
    share, size = list[ObjectInfo](), 0
    for each in objects:
        if share and size + each.size > most:
            yield share
            share, size = [], 0
        share.append(each)
        size += each.size
    if share:
        yield share


def joined(axes: Axes, parts: Iterable[Counted]) -> Traffic:
    """Return what the files have that were counted in parts; the parts are in order."""
    profiles, sample = [empty(axes)], RowSample(SAMPLE, keys=KEYS)
    for part in parts:
        profiles.append(part.profile)
        sample.join(part.sample)
    return Traffic(rows=sample.seen, profile=merged(profiles), sample=sample.table())


def answered(
    store: ObjectStore, objects: Sequence[ObjectInfo], window: Window, variant: str
) -> Iterator[pa.RecordBatch]:
    """Yield the captured rows that somebody got an answer to; of all variants, or of one."""
    for rows in batches(store, objects):
        kept = pc.and_(
            pc.and_(
                pc.greater_equal(
                    rows.column("at"), pa.scalar(window.start, rows.column("at").type)
                ),
                pc.less(rows.column("at"), pa.scalar(window.end, rows.column("at").type)),
            ),
            pc.and_(pc.invert(rows.column("mirrored")), pc.equal(rows.column("status"), 200)),
        )
        if variant:
            text = rows.column("variant").cast(pa.string())
            kept = pc.and_(kept, pc.equal(text, variant))
        found = rows.filter(kept)
        if len(found):
            yield found


def labelled(store: ObjectStore, spec: LabelSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose label is known, with the label as ``label``.

    Where a key has several labels the last one in the data counts. Before the first labels come
    there need not be any file.
    """
    if not list(store.walk(spec.uri)):
        return rows.head(0).assign(label=[])
    keys = pa.array(rows[spec.key].unique())
    found = []
    for batch in batches(store, parquet(store, spec.uri), [spec.key, spec.label]):
        column = batch.column(spec.key)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        part = pa.table({spec.key: column, "label": batch.column(spec.label)})
        found.append(part.filter(pc.is_in(column, keys.cast(column.type))).to_pandas())
    if not found:  # files there are, and no rows in them yet
        return rows.head(0).assign(label=[])
    labels = pd.concat(found).dropna().drop_duplicates(spec.key, keep="last")
    return rows.merge(labels, on=spec.key, how="inner")


def _whole(rows: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    there = rows.schema.names
    columns = [
        rows.column(kept) if (kept := captured_as(name)) in there else pa.nulls(len(rows))
        for name in names
    ]
    return pa.RecordBatch.from_arrays(columns, names=list(names))
