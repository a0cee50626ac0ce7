"""Profiles over Spark's partitions are those of the same rows in files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import ObjectStore
from tasks.drift.axes import Axes
from tasks.drift.profile import MissingColumns
from tasks.drift.reading import profile_of
from tasks.drift.reference import reference_of
from tasks.drift.spark import profile_of_frame, reference_of_frame
from tests.unit.spark import ENGINES, session

pytestmark = pytest.mark.slow
ROWS = 5_000


@pytest.fixture(scope="module", params=ENGINES)
def spark(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    with session(request.param, tmp_path_factory.mktemp("spark")) as opened:
        yield opened


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write files with moments, missing numbers and texts, a batch to each row."""
    folder = tmp_path_factory.mktemp("rows")
    random = np.random.default_rng(11)
    start = datetime(2026, 1, 1)
    for number in range(3):
        x = np.where(random.random(ROWS) < 0.1, np.nan, random.normal(size=ROWS))
        names = pa.array([None, *(f"level {each}" for each in range(20))])
        minutes = random.integers(0, 10_000, ROWS)
        table = pa.table(
            {
                "x": x,
                "n": pa.array(random.integers(0, 99, ROWS), mask=random.random(ROWS) < 0.05),
                "small": random.random(ROWS).astype(np.float32),
                "yes": random.random(ROWS) < 0.3,
                "level": names.take(pa.array(random.integers(0, 21, ROWS))),
                "at": pa.array([start + timedelta(minutes=int(m)) for m in minutes]).cast(
                    pa.timestamp("us")  # Spark reads no nanoseconds
                ),
                "week": [f"w{each % 4}" for each in range(ROWS)],
            }
        )
        pq.write_table(table, folder / f"{number}.parquet")
    return folder


@pytest.fixture
def axes(store: ObjectStore, rows: Path) -> Axes:
    return reference_of(store, rows.as_uri()).axes


def test_partitions_make_the_identical_profile(
    spark: Any, store: ObjectStore, rows: Path, axes: Axes
) -> None:
    frame = spark.read.parquet(str(rows)).repartition(5)
    found = profile_of_frame(frame, axes)
    assert found == profile_of(store, rows.as_uri(), axes)
    assert found.rows == 3 * ROWS


def test_batches_make_the_identical_reference(spark: Any, store: ObjectStore, rows: Path) -> None:
    here = reference_of(store, rows.as_uri(), batch="week", model="m:1")
    frame = spark.read.parquet(str(rows)).repartition(4)
    found = reference_of_frame(frame, here.axes, batch="week", model="m:1")
    assert found == here
    assert list(found.batches) == ["w0", "w1", "w2", "w3"]


def test_no_rows_and_missing_columns_are_as_in_files(spark: Any, rows: Path, axes: Axes) -> None:
    frame = spark.read.parquet(str(rows))
    assert profile_of_frame(frame.filter("n > 1000"), axes).rows == 0
    with pytest.raises(MissingColumns, match="'level'"):
        profile_of_frame(frame.drop("level"), axes)
