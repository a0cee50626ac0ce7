"""The traffic of a window as a part of a watch that a job of the platform can count."""

from __future__ import annotations

import io

import pyarrow.parquet as pq

from blocks.contracts import Frozen, ObjectInfo, ObjectStore, Window
from tasks.drift.axes import Axes
from tasks.drift.reference import ReferenceProfile
from tasks.drift.storage import from_bytes, to_bytes
from tasks.processing.job import Part
from tasks.watch.traffic import Traffic

_ALL = "all"  # the one batch of traffic


class Question(Frozen):
    """Which captured rows are to be counted, and where what is kept of it goes."""

    captures: tuple[ObjectInfo, ...]
    window: Window
    axes: Axes
    variant: str
    place: str


class Found(Frozen):
    """Where what was found is kept."""

    rows: int
    profile_uri: str
    sample_uri: str


def part_of(question: Question, *, spark: bool) -> Part:
    """Return the part."""
    folders = sorted({each.uri.rpartition("/")[0] for each in question.captures})
    return Part(
        module="tasks.watch.on_spark" if spark else "tasks.watch.near",
        question=question,
        inputs={f"captures_{number}": folder for number, folder in enumerate(folders)},
        place=question.place,
        spark=spark,
    )


def kept(store: ObjectStore, traffic: Traffic, place: str) -> Found:
    """Keep what was found, in the store."""
    profile, rows = traffic.profile, io.BytesIO()
    pq.write_table(traffic.sample, rows)
    content = to_bytes(ReferenceProfile(axes=profile.axes, batches={_ALL: profile}))
    return Found(
        rows=traffic.rows,
        profile_uri=store.write(f"{place}/profile.npz", content).uri,
        sample_uri=store.write(f"{place}/sample.parquet", rows.getvalue()).uri,
    )


def traffic_of(store: ObjectStore, found: Found) -> Traffic:
    """Return what was kept."""
    return Traffic(
        rows=found.rows,
        profile=from_bytes(store.read(found.profile_uri)).batches[_ALL],
        sample=pq.read_table(io.BytesIO(store.read(found.sample_uri))),
    )
