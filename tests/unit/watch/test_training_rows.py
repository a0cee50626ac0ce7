"""Rows of a training, seen in shares by several, are what they are seen all at once."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import ObjectStore
from tasks.drift.reading import parquet
from tasks.drift.reference import layout_of
from tasks.watch.training_rows import here, joined, seen, shared

ROWS, FILES = 12_000, 5


@pytest.mark.parametrize("batch", ["week", None])
def test_shares_are_together_what_all_files_are(store: ObjectStore, batch: str | None) -> None:
    random = np.random.default_rng(7)
    rows = pa.table(
        {
            "x": random.normal(size=ROWS),
            "kind": random.choice(["a", "b", "c"], size=ROWS),
            "week": [f"w{each}" for each in random.integers(8, 12, ROWS)],
        }
    )
    for number in range(FILES):
        out = io.BytesIO()
        pq.write_table(rows.slice(ROWS // FILES * number, ROWS // FILES), out, row_group_size=700)
        store.write(f"{store.root}/rows/{number}.parquet", out.getvalue())
    objects = parquet(store, f"{store.root}/rows")
    layout = layout_of(store, objects, batch=batch, columns=["x", "kind"], categorical=())
    shares = list(shared(store, objects, most=1))
    assert [share.first for share in shares] == [ROWS // FILES * each for each in range(FILES)]
    whole = here(store, objects, layout)
    found = joined([seen(share, store=store, layout=layout) for share in shares], layout)
    assert found.profile == whole.profile
    assert len(found.profile.batches) == (4 if batch else 20)
    assert next(iter(found.profile.batches)) == ("w8" if batch else "part-00")
    assert found.sample.table().equals(whole.sample.table())
