"""The traffic of an endpoint in one window, from what was captured, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from blocks.contracts import Monitor, ObjectInfo, ObjectStore, Window
from tasks.drift.axes import Axes
from tasks.drift.profile import Profile, Tally
from tasks.drift.reading import batches, parquet, schema_of
from tasks.drift.rows import RowSample
from tasks.watch.spec import LabelSpec

SAMPLE = 50_000  # rows of a window that performance is judged on


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What was asked and answered in a window."""

    rows: int
    profile: Profile  # of the columns that are there
    sample: pd.DataFrame  # at most 50,000 of the rows, with all that was captured


def observe(
    monitor: Monitor,
    store: ObjectStore,
    endpoint: str,
    window: Window,
    *,
    axes: Axes,
    variant: str = "",
) -> Traffic:
    """Profile the rows that were answered in the window; mirrored ones and errors do not count.

    A column that only some files have is without a value in the others; one that none has is not
    in the profile.
    """
    sample = RowSample(SAMPLE)
    objects = monitor.captures(endpoint, window)
    there = _columns(store, objects, axes)
    tally = Tally(axes.only(there))
    for rows in answered(store, objects, window, variant):
        sample.add(rows)
        tally.add(_whole(rows, there))
    return Traffic(rows=sample.seen, profile=tally.profile(), sample=sample.table().to_pandas())


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


def _columns(store: ObjectStore, objects: Sequence[ObjectInfo], axes: Axes) -> list[str]:
    """Return the columns of the reference that any of the files has, in the reference's order."""
    present: set[str] = set()
    for each in objects:
        present.update(schema_of(store, [each]).names)
    return [name for name in axes.names if name in present]


def _whole(rows: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    columns = [
        rows.column(name) if name in rows.schema.names else pa.nulls(len(rows)) for name in names
    ]
    return pa.RecordBatch.from_arrays(columns, names=list(names))
