"""Profiles of Spark data frames: every partition is counted where it lies, and merged here.

Spark is not imported: what is used of it is one method of its data frames, the same in a cluster
and over Spark Connect. Its executors run this very code, so they must have it: install bluewater
there, or add ``bluewater.zip`` of :mod:`tasks.processing.code` as a Python file of the session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import pyarrow as pa

from tasks.batches import in_order
from tasks.drift.axes import Axes
from tasks.drift.profile import MissingColumns, Profile, empty, merged
from tasks.drift.reference import ReferenceProfile, named, reference_from
from tasks.drift.storage import from_bytes, to_bytes

WHOLE = "all"  # the one batch of rows that are in none
_SCHEMA = pa.schema([("profile", pa.binary())])


class Frame(Protocol):
    """What is used of ``pyspark.sql.DataFrame``."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        ...

    def select(self, *names: str) -> Any:
        """Return the columns of these names."""
        ...


def profile_of_frame(frame: Frame, axes: Axes) -> Profile:
    """Return the profile of all rows, which is the one that the same rows have in a file.

    Raises MissingColumns if the frame lacks columns.
    """
    found = _gathered(frame, axes, batch="")
    return merged([empty(axes), *(each.batches[WHOLE] for each in found)])


def reference_of_frame(
    frame: Frame, axes: Axes, *, batch: str, model: str = ""
) -> ReferenceProfile:
    """Return the reference of a model: a profile for each value of the column ``batch``.

    ``axes`` are those of a sample, e.g. ``axes_of(pa.Table.from_pandas(...))``; the same axes make
    the same reference as :func:`tasks.drift.reference.reference_of`.
    """
    parts: dict[str, list[Profile]] = defaultdict(list)
    for each in _gathered(frame, axes, batch=batch):
        for name, profile in each.batches.items():
            parts[name].append(profile)
    batches = {name: merged(parts[name]) for name in in_order(parts)}
    return ReferenceProfile(axes=axes, batches=batches, model=model)


def _gathered(frame: Frame, axes: Axes, *, batch: str) -> list[ReferenceProfile]:
    wanted = list(dict.fromkeys([*axes.names, *([batch] if batch else [])]))
    if lacking := [name for name in wanted if name not in frame.columns]:
        raise MissingColumns(f"the data has no column {', '.join(map(repr, lacking))}")
    told = axes.model_dump_json()

    def count(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield counted(rows, told, batch)

    sent = frame.select(*wanted).mapInArrow(count, "profile binary").collect()
    return [from_bytes(bytes(row[0])) for row in sent]


def counted(rows: Iterable[pa.RecordBatch], axes: str, batch: str) -> pa.RecordBatch:
    """Return one row with the profiles of one partition; run by Spark's executors."""
    told = Axes.model_validate_json(axes)
    parts: Iterator[tuple[str, pa.RecordBatch]] = (
        named(iter(rows), batch) if batch else ((WHOLE, each) for each in rows)
    )
    found = reference_from(parts, told)
    if not batch and not found.batches:
        found = ReferenceProfile(axes=told, batches={WHOLE: empty(told)})
    return pa.RecordBatch.from_arrays([pa.array([to_bytes(found)], pa.binary())], schema=_SCHEMA)
