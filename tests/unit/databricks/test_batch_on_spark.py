"""Batch predictions by Spark: what is asked of Databricks, what a task tells, and what is refused.

That it scores is the conformance suite's, where Spark is installed: ``make spark``.
"""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.cloud.scored_files import FileWork
from blocks.contracts import ObjectStore, Phase, RunKey, Unsupported
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.batch_levers import IMAGE
from blocks.providers.databricks.mounted import MountedVolumes
from blocks.providers.databricks.runs import machines_of
from blocks.providers.databricks.spark.batch import SparkBatch
from blocks.providers.databricks.spark.hands import told
from blocks.workload.environments import VOLUMES

KEY = RunKey(run="run-1", step="score")
WITHOUT = pytest.mark.skipif(find_spec("pyspark") is not None, reason="there is Spark here")


@pytest.fixture
def batch(account: DatabricksWorkspace) -> SparkBatch:
    return SparkBatch(account=account, image=IMAGE, workers=3)


@WITHOUT
def test_a_run_without_spark_says_so_with_the_remedy(bench: Any, batch: SparkBatch) -> None:
    ref = batch.submit(bench.batch_request(200).model_copy(update={"spot": True}), key=KEY)
    bench.settle(ref)
    status = batch.status(ref)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert status.failure.code == "NO_SPARK"
    assert "group spark" in status.failure.message
    assert "databricks-batch" in status.failure.message


def test_a_cluster_of_workers_is_asked_for_and_paid_for(
    bench: Any, account: DatabricksWorkspace, batch: SparkBatch
) -> None:
    ref = batch.submit(bench.batch_request(200), key=KEY)
    task = account.client().jobs.get_run(int(ref.id)).tasks[0]
    assert task.new_cluster.num_workers == 3
    assert not task.new_cluster.spark_conf
    assert "ResourceClass" not in task.new_cluster.custom_tags
    bench.settle(ref)
    run, usage = account.client().jobs.get_run(int(ref.id)), batch.status(ref).usage
    assert machines_of(run).count == 4
    assert usage is not None
    assert run.end_time is not None
    assert run.start_time is not None
    assert usage.seconds == pytest.approx(4 * (run.end_time - run.start_time) / 1000, abs=0.01)


def test_serverless_is_refused_with_the_remedy(bench: Any, batch: SparkBatch) -> None:
    request = bench.batch_request(200).model_copy(update={"machine": "serverless"})
    with pytest.raises(Unsupported, match="node type") as caught:
        batch.submit(request, key=KEY)
    assert caught.value.code == "SERVERLESS"


def test_a_task_tells_what_came_of_its_file(
    bench: Any, account: DatabricksWorkspace, emulator: Any
) -> None:
    """The very code of an executor, whose volumes are mounted."""
    store, root = bench.connect(ObjectStore), account.root
    request = bench.batch_request(200)
    out = io.BytesIO()
    pq.write_table(pa.table({"x": [0.1, 0.9]}), out)
    store.write(f"{root}/wrong/a.parquet", out.getvalue())
    mounts = {VOLUMES: str(Path(emulator.folder) / "Volumes")}
    bucket = MountedVolumes(mounts, notes=f"{root}/notes")
    work = FileWork(bucket=bucket, request=request, model=bucket.place(request.model.uri))
    [good, *_] = bucket.below(request.data_uri)
    [wrong] = bucket.below(f"{root}/wrong")
    [row] = told(7, work, good).to_pylist()
    assert (row["number"], row["rows"], row["code"]) == (7, 50, "")
    assert row["peak_memory_bytes"] > 0
    [row] = told(8, work, wrong).to_pylist()
    assert (row["rows"], row["code"]) == (0, "MISSING_COLUMN")
    assert "'n'" in row["message"]
