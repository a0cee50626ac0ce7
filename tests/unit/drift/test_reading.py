"""References and windows are read from Parquet in a store, whatever the files look like."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import ObjectStore
from tasks.drift.profile import MissingColumns
from tasks.drift.reading import NoRows, profile_of
from tasks.drift.reference import reference_of
from tasks.drift.rows import RowSample


def keep(store: ObjectStore, name: str, table: pa.Table, *, group: int = 1000) -> str:
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=group)
    return store.write(f"{store.root}/{name}", out.getvalue()).uri


def rows(count: int, *, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "x": random.normal(size=count),
            "c": random.choice(["a", "b", "c"], size=count),
            "week": [f"w{each:02}" for each in np.arange(count) * 10 // count],
        }
    )


def test_a_folder_is_the_same_as_one_file(store: ObjectStore) -> None:
    whole = rows(4000)
    one = keep(store, "one/data.parquet", whole)
    keep(store, "many/a.parquet", whole.slice(0, 1500))
    keep(store, "many/b.parquet", whole.slice(1500), group=333)
    store.write(f"{store.root}/many/_SUCCESS", b"")
    axes = reference_of(store, one, batch="week").axes
    assert profile_of(store, one, axes) == profile_of(store, f"{store.root}/many", axes)


def test_batches_are_those_of_the_column(store: ObjectStore) -> None:
    reference = reference_of(store, keep(store, "data.parquet", rows(4000)), batch="week")
    assert list(reference.batches) == [f"w{each:02}" for each in range(10)]
    assert {each.rows for each in reference.batches.values()} == {400}
    assert reference.axes.names == ("x", "c")


def test_without_a_column_the_data_is_cut_into_twenty_parts_by_position(store: ObjectStore) -> None:
    table = pa.table({"x": np.arange(4001, dtype=float)})
    reference = reference_of(store, keep(store, "data.parquet", table, group=777))
    assert len(reference.batches) == 20
    assert {each.rows for each in reference.batches.values()} == {200, 201}
    medians = [each.columns["x"] for each in reference.batches.values()]
    assert [int(each.keys[0]) for each in medians] == sorted(int(each.keys[0]) for each in medians)  # type: ignore[union-attr]


def test_what_is_not_there_is_named(store: ObjectStore) -> None:
    with pytest.raises(NoRows, match="nothing is at"):
        reference_of(store, f"{store.root}/nowhere")
    uri = keep(store, "data.parquet", rows(100))
    with pytest.raises(MissingColumns, match="'month'"):
        reference_of(store, uri, batch="month")
    with pytest.raises(MissingColumns, match="'y'"):
        reference_of(store, uri, columns=["x", "y"])


def test_ten_times_the_rows_take_no_more_memory(store: ObjectStore) -> None:
    small = keep(store, "small.parquet", rows(100_000), group=50_000)
    large = keep(store, "large.parquet", rows(1_000_000), group=50_000)
    axes = reference_of(store, small, batch="week").axes
    with allocated() as first:
        profile_of(store, small, axes)
    with allocated() as second:
        profile_of(store, large, axes)
    assert second[0] < 1.25 * first[0] + 1_000_000


@contextmanager
def allocated() -> Iterator[list[int]]:
    """Tell the peak of bytes that Python and Arrow took, one after the other."""
    found: list[int] = []
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    tracemalloc.start()
    yield found
    found.append(tracemalloc.get_traced_memory()[1] + max(pool.bytes_allocated() - before, 0))
    tracemalloc.stop()


def test_every_row_has_the_same_chance_to_be_in_a_sample() -> None:
    sample = RowSample(1000, seed=3)
    for start in range(0, 20_000, 700):
        stop = min(start + 700, 20_000)
        sample.add(pa.RecordBatch.from_pydict({"x": list(range(start, stop))}))
    kept = np.array(sample.table()["x"])
    assert len(kept) == len(set(kept.tolist())) == 1000
    assert sample.seen == 20_000
    counts = np.histogram(kept, bins=10, range=(0, 20_000))[0]
    assert counts.min() > 60  # 100 are expected, five deviations are 48
    assert counts.max() < 150


def test_a_sample_of_few_rows_is_all_of_them_in_their_order() -> None:
    sample = RowSample(10)
    sample.add(pa.RecordBatch.from_pydict({"x": [3, 1]}))
    sample.add(pa.RecordBatch.from_pydict({"x": [2]}))
    assert sample.table()["x"].to_pylist() == [3, 1, 2]


def test_samples_of_parts_join_to_the_sample_of_the_whole() -> None:
    rows = [
        pa.RecordBatch.from_pydict({"id": [f"r{each}" for each in range(at, at + 100)]})
        for at in range(0, 3000, 100)
    ]
    whole, joined = (RowSample(200, keys=("id",)) for _ in range(2))
    for each in rows:
        whole.add(each)
    for at in range(0, len(rows), 7):
        part = RowSample(200, keys=("id",))
        for each in rows[at : at + 7]:
            part.add(each)
        joined.join(part)
    assert joined.table().equals(whole.table())
    assert joined.seen == whole.seen == 3000
    assert len(joined.table()) == 200
