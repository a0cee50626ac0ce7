"""Parts that are profiled elsewhere, in any order, merge to the profile of the whole."""

from __future__ import annotations

import io
import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect import flow, task
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

from blocks.contracts import ObjectStore
from blocks.testing.memory_store import MemoryStore
from tasks.drift.axes import Axes
from tasks.drift.partitions import (
    Partition,
    Work,
    partitions,
    profile_in_parts,
    profile_of_batches,
    profile_of_partition,
)
from tasks.drift.profile import Profile
from tasks.drift.reading import NoRows, profile_of
from tasks.drift.reference import ReferenceProfile, reference_of
from tasks.drift.storage import from_bytes, to_bytes

PATIENT = settings(deadline=None, max_examples=25)  # other work shares the machine


def table(rows: int, *, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    values = np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows))
    names = pa.array([None, *(f"value {each}" for each in range(30))])
    chosen = pa.array(random.integers(0, 31, size=rows))
    return pa.table({"x": values, "n": random.integers(0, 99, rows), "c": names.take(chosen)})


def fill(store: ObjectStore, files: int = 3) -> str:
    for number in range(files):
        out = io.BytesIO()
        pq.write_table(table(3000 + number, seed=number), out, row_group_size=700)
        store.write(f"{store.root}/data/{number}.parquet", out.getvalue())
    return f"{store.root}/data"


def axes_at(store: ObjectStore, uri: str) -> Axes:
    return reference_of(store, uri).axes


def test_a_pool_of_processes_makes_the_identical_profile(store: ObjectStore) -> None:
    uri = fill(store)
    axes = axes_at(store, uri)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = profile_in_parts(store, uri, axes, run=pool.map)
    assert found == profile_of(store, uri, axes)
    assert found.rows == 9003


RUNNERS: dict[str, Any] = {"threads": ThreadPoolTaskRunner, "processes": ProcessPoolTaskRunner}


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("runner", RUNNERS)
def test_prefects_task_runners_make_the_identical_profile(store: ObjectStore, runner: str) -> None:
    uri = fill(store)
    axes = axes_at(store, uri)

    def over(work: Work, parts: Sequence[Partition]) -> Iterable[Profile]:
        found: list[Profile] = task(work).map(parts).result()
        return found

    @flow(task_runner=RUNNERS[runner](max_workers=2))
    def spread() -> Profile:
        return profile_in_parts(store, uri, axes, run=over)

    assert spread() == profile_of(store, uri, axes)


def test_parts_go_over_the_wire_as_bytes(store: ObjectStore) -> None:
    """As from Spark's executors: each sends what it found as one value of bytes."""
    uri = fill(store)
    axes = axes_at(store, uri)
    parts = partitions(store, uri)
    sent = [
        to_bytes(ReferenceProfile(axes=axes, batches={"": profile_of_partition(store, axes, part)}))
        for part in parts
    ]
    received = [from_bytes(each).batches[""] for each in sent]
    assert profile_in_parts(store, uri, axes, run=lambda _, __: received) == profile_of(
        store, uri, axes
    )


@PATIENT
@given(st.integers(1, 5000), st.randoms())
def test_any_parts_in_any_order_are_the_whole(rows: int, random: object) -> None:
    store = MemoryStore("parts")
    uri = fill(store, files=2)
    axes = axes_at(store, uri)
    parts = partitions(store, uri, rows=rows)
    random.shuffle(parts)  # type: ignore[attr-defined]
    found = profile_in_parts(store, uri, axes, run=lambda work, _: [work(each) for each in parts])
    assert found == profile_of(store, uri, axes)


def test_parts_are_whole_row_groups_and_all_of_them(store: ObjectStore) -> None:
    uri = fill(store, files=1)
    assert [part.groups for part in partitions(store, uri, rows=1400)] == [(0, 1), (2, 3), (4,)]
    assert len(partitions(store, uri)) == 1
    with pytest.raises(NoRows):
        partitions(store, f"{store.root}/nowhere")


def test_a_table_has_the_profile_of_the_file_it_was_written_to() -> None:
    store = MemoryStore("table")
    uri = fill(store, files=1)
    axes = axes_at(store, uri)
    assert profile_of_batches(table(3000).to_batches(), axes) == profile_of(store, uri, axes)


def test_any_store_of_fsspec_will_do(store: ObjectStore) -> None:
    elsewhere = MemoryStore("elsewhere")
    found, expected = (reference_of(each, fill(each)) for each in (elsewhere, store))
    assert found == expected
    kept = elsewhere.write(f"{elsewhere.root}/reference.npz", to_bytes(found))
    assert from_bytes(elsewhere.read(kept.uri)) == found
