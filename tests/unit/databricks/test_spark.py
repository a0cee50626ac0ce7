"""What Spark finds near the data on Databricks is what is found here, from the same rows.

Apache Spark runs the jobs of the emulated workspace; Delta tables are written by delta-rs.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    InvalidRequest,
    ModelVersion,
    Monitor,
    ObjectStore,
    Prices,
    ProcessingJobs,
    TrainingResult,
    Window,
)
from blocks.providers.databricks.batch_levers import MACHINE
from blocks.providers.databricks.places import path_of
from tasks.data import DataSpec
from tasks.drift.axes import axes_of
from tasks.evaluation.report import EvaluationReport
from tasks.evaluation.spec import EvaluationSpec, LatencySpec
from tasks.evaluation.stage import evaluate_model
from tasks.processing.spec import ScanSpec, ScoreSpec
from tasks.validation.report import ValidationReport
from tasks.validation.spec import ValidationSpec
from tasks.validation.stage import validate_data
from tasks.watch.observing import Place, observing
from tasks.watch.reference import read
from tasks.watch.spec import WatchSpec
from tasks.watch.stage import profile_reference

pytest.importorskip(
    "pyspark.core", reason="Spark is in a group of its own: uv pip install --group spark"
)
pytestmark = pytest.mark.slow

ON_SPARK = ScanSpec(machine=MACHINE, spark=True)
LINES: Sequence[dict[str, Any]] = [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": -9}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "x", "max_value": 1}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "key"}},
    {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "kind", "value_set": ["a", "b"]},
        "meta": {"severity": "warning"},
    },
    {
        "type": "expect_column_values_to_be_of_type",
        "kwargs": {"column": "n", "type_": "int64"},
    },
]
START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(start=START, end=START + timedelta(hours=1))


@pytest.fixture
def store(bench: Any) -> ObjectStore:
    found: ObjectStore = bench.connect(ObjectStore)
    return found


@pytest.fixture
def processing(bench: Any) -> ProcessingJobs:
    found: ProcessingJobs = bench.connect(ProcessingJobs)
    return found


def table(rows: int = 4000) -> pa.Table:
    random = np.random.default_rng(5)
    n = pa.array(random.integers(0, 9, rows), mask=random.random(rows) < 0.1)
    return pa.table(
        {
            "key": pa.array(range(rows), pa.int64()),
            "x": np.where(random.random(rows) < 0.05, np.nan, random.normal(size=rows)),
            "n": n,
            "kind": [["a", "b", "c"][each % 3] for each in range(rows)],
            "at": pa.array([START + timedelta(minutes=each) for each in range(rows)]).cast(
                pa.timestamp("us", "UTC")
            ),
            "week": [f"w{each * 4 // rows}" for each in range(rows)],
        }
    )


def put(store: ObjectStore, uri: str, rows: pa.Table) -> None:
    out = io.BytesIO()
    pq.write_table(rows, out, row_group_size=500)
    store.write(uri, out.getvalue())


@pytest.fixture
def data(store: ObjectStore) -> str:
    """Write three files, and return the URI of their folder."""
    uri, rows = f"{store.root}/rows", table()
    for number in range(3):
        put(store, f"{uri}/{number}.parquet", rows.slice(1500 * number, 1500))
    return uri


@pytest.fixture
def spec(store: ObjectStore) -> ValidationSpec:
    """Write a suite, and one for the newest batch."""
    told = {"name": "rows", "expectations": LINES, "meta": {"batch": "week"}}
    uri = store.write(f"{store.root}/suite.json", json.dumps(told).encode()).uri
    return ValidationSpec(suite=uri, batch_suite=uri)


def told(report: ValidationReport) -> dict[str, Any]:
    """Return a report without where it is kept."""
    places = {"data", "docs_uri", "suite_uri", "batch_docs_uri"}
    return report.model_dump(mode="json", exclude=places)


def validated(
    store: ObjectStore, spec: ValidationSpec, uri: str, jobs: ProcessingJobs | None = None
) -> ValidationReport:
    """Validate here, or, with jobs, on Spark."""
    asked = spec.model_copy(update={"near": ON_SPARK if jobs else None})
    run = "on-spark" if jobs else "here"
    return validate_data.fn(store, asked, uri, run=f"{run}-{uri[-4:]}", jobs=jobs)


def test_spark_finds_in_files_and_in_a_delta_table_what_is_found_here(
    bench: Any, store: ObjectStore, processing: ProcessingJobs, spec: ValidationSpec, data: str
) -> None:
    deltalake = pytest.importorskip("deltalake")
    here = validated(store, spec, data)
    assert (here.rows, len(here.failed), here.batch) == (4000, 2, "w3")
    there = validated(store, spec, data, processing)
    assert told(there) == told(here)
    assert store.read(there.docs_uri).count(b"<html") == 1

    delta = f"{store.root}/rows-delta"
    folder = str(Path(bench.folder / "databricks") / path_of(delta).lstrip("/"))
    deltalake.write_deltalake(folder, table(100))
    deltalake.write_deltalake(folder, table(), mode="overwrite")  # the first rows are gone
    assert told(validated(store, spec, delta, processing)) == told(here)


def test_nanoseconds_are_refused_with_the_remedy(
    store: ObjectStore, processing: ProcessingJobs, spec: ValidationSpec
) -> None:
    rows = table(10)
    at = rows.column("at").cast(pa.timestamp("ns", "UTC"))
    put(store, f"{store.root}/nano/0.parquet", rows.set_column(4, "at", at))
    with pytest.raises(InvalidRequest, match=r"'at' has nanoseconds.*near\.spark"):
        validated(store, spec, f"{store.root}/nano", processing)


@pytest.mark.parametrize("batch", ["week", None])
def test_spark_makes_the_reference_that_is_made_here(
    bench: Any, store: ObjectStore, processing: ProcessingJobs, data: str, batch: str | None
) -> None:
    draft = bench.model_draft()
    put(store, f"{store.root}/holdout/0.parquet", labelled(table(800)))
    told = DataSpec(train=data, holdout=f"{store.root}/holdout", label="late", batch=batch)
    training = TrainingResult(model_uri=draft.uri, digest=draft.digest)
    contents = []
    for run, near in (("here", None), ("spark", ON_SPARK)):
        spec = WatchSpec(profile_near=near)
        made = profile_reference.fn(
            store, spec, told, training=training, run=f"{run}-{batch}", jobs=processing
        )
        contents.append((made.rows, made.batches, read(store, made.uri)))
    (*here, known), (*there, found) = contents
    assert here == there
    assert found.profile == known.profile
    assert comparable(found.sample).equals(comparable(known.sample))


def labelled(rows: pa.Table) -> pa.Table:
    late = pa.array([each % 3 == 0 for each in range(len(rows))]).cast(pa.int64())
    x, n = np.arange(len(rows)) % 100 / 100, pa.array(range(len(rows)), pa.int64())
    there = rows.drop_columns(["x", "n"]).append_column("x", pa.array(x))
    return there.append_column("n", n).append_column("late", late)


def test_spark_scores_for_the_report_that_is_made_here(
    bench: Any, store: ObjectStore, processing: ProcessingJobs
) -> None:
    for number in range(2):
        put(store, f"{store.root}/holdout/{number}.parquet", labelled(table(2000)))
    told = DataSpec(train="", holdout=f"{store.root}/holdout", label="late", slices=("week",))
    old, new = bench.model_draft(), bench.model_draft(kind="shifted")

    def evaluated(run: str, near: ScoreSpec | None) -> EvaluationReport:
        return evaluate_model.fn(
            store,
            bench.connect(Prices),
            EvaluationSpec(near=near, latency=LatencySpec(requests=20)),
            told,
            challenger=TrainingResult(model_uri=new.uri, digest=new.digest),
            champion=ModelVersion(name="m", version="1", uri=old.uri, digest=old.digest),
            machine=MACHINE,
            run=run,
            jobs=processing,
        )

    here, there = (
        evaluated("here", None),
        evaluated("spark", ScoreSpec(machine=MACHINE, spark=True)),
    )
    measured = {"latency", "cost_per_thousand", "plots"}
    assert there.model_dump(exclude=measured) == here.model_dump(exclude=measured)
    assert (there.rows, len(there.overall), len(there.slices)) == (4000, 1, 4)
    assert there.plots.keys() == here.plots.keys()
    for name, picture in there.plots.items():
        assert store.read(picture) == store.read(here.plots[name])


def test_spark_counts_the_traffic_that_is_counted_here(
    bench: Any, store: ObjectStore, processing: ProcessingJobs
) -> None:
    captures = f"{store.root}/captures/flights"
    for number, rows in enumerate((table(700), table(900).drop_columns(["n"]))):
        put(store, f"{captures}/{span(number)}", captured(rows, number))
    monitor = bench.connect(Monitor)
    axes = axes_of(table().drop_columns(["key"]))
    place = Place(monitor=monitor, store=store, endpoint="flights", variant="v1", axes=axes)
    here = observing(place, None, None)(WINDOW)
    there = observing(place, ON_SPARK, processing)(WINDOW)
    assert 0 < here.rows < 1600
    assert (there.rows, there.profile) == (here.rows, here.profile)
    assert comparable(there.sample).equals(comparable(here.sample))


def comparable(rows: pa.Table) -> pa.Table:
    """Put a number where none is: NaN is not the same as itself."""
    x = rows.column("x")
    told = pc.if_else(pc.is_nan(x), -1e300, x)
    return rows.set_column(rows.column_names.index("x"), "x", told)


def span(number: int) -> str:
    """Name a file of captured requests, as model servers do."""
    first = int(START.timestamp() * 1000) + 600_000 * number
    return f"{first}-{first + 599_000}.v1.0.200.parquet"


def captured(rows: pa.Table, number: int) -> pa.Table:
    """Return rows as they were captured at an endpoint, some of them out of the window."""
    count = len(rows)
    at = [START + timedelta(minutes=10 * number, seconds=each - 30) for each in range(count)]
    return (
        rows.drop_columns(["at", "key"])
        .append_column("at", pa.array(at).cast(pa.timestamp("us", "UTC")))
        .append_column("request_id", pa.array([f"{number}-{each}" for each in range(count)]))
        .append_column("row", pa.array([0] * count, pa.int32()))
        .append_column("variant", pa.array(["v1"] * count))
        .append_column("mirrored", pa.array([False] * count))
        .append_column("status", pa.array([200 + 300 * (each % 5 == 0) for each in range(count)]))
        .append_column("prediction", pa.array([each / count for each in range(count)]))
    )
