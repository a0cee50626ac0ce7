"""What Databricks can do beside the release that is played first, for the page of calls."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from databricks.sdk.service.compute import (
    InstancePoolAwsAttributes,
    InstancePoolAwsAttributesAvailability,
)

from blocks.contracts import (
    BatchRequest,
    Capture,
    ModelRegistry,
    ModelVersion,
    MonitoringSchedule,
    MonitoringSchedules,
    OperationRef,
    RunKey,
    Serving,
    TrainingRequest,
    VariantRequest,
    Window,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.endpoints import DatabricksEndpoints
from blocks.providers.databricks.monitor import DatabricksMonitor
from blocks.providers.databricks.spark.batch import SparkBatch
from blocks.providers.databricks.training import DatabricksTraining
from blocks.testing.waiting import until
from deployments.calls import Place, Stages

KEY = RunKey(run="2026-05-01", step="besides")
JOBS, POOLS, SERVERLESS, SPARK, GATEWAY, WATCHING = (
    "A training as a run of a job that has a name",
    "A training on a machine of a pool",
    "A training on serverless compute",
    "The same data set is scored by Spark, on two workers",
    "A limit for each caller, and a table of all requests",
    "Databricks' own monitor looks every hour",
)


def besides(account: DatabricksWorkspace, owner: DatabricksWorkspace) -> Stages:
    """Return what is done, after the title of its section, in order.

    ``owner`` is who makes the pool: that is no part of a release.
    """

    def on(title: str, **block: Any) -> tuple[str, Callable[[Place], None]]:
        return title, lambda place: _train(place, DatabricksTraining(account=account, **block))

    return (
        on(JOBS, job="flights"),
        (POOLS, lambda place: _from_a_pool(place, account, owner)),
        (SERVERLESS, lambda place: _serverless(place, account)),
        (SPARK, lambda place: _by_spark(place, account)),
        (GATEWAY, lambda place: _behind_a_gateway(place, account)),
        (WATCHING, _watch),
    )


def _train(place: Place, jobs: DatabricksTraining, **changes: Any) -> None:
    ref = jobs.submit(_training(place).model_copy(update=changes), key=KEY)
    _over(jobs.status, ref)


def _training(place: Place) -> TrainingRequest:
    root = place.root
    return TrainingRequest(
        source_uri=f"{root}/code",
        command=("python", "train.py"),
        machine=place.machine,
        data_uri=f"{root}/data",
        checkpoint_uri=f"{root}/checkpoints-besides",
        output_uri=f"{root}/output-besides",
        max_duration=timedelta(hours=1),
    )


def _from_a_pool(place: Place, account: DatabricksWorkspace, owner: DatabricksWorkspace) -> None:
    kinds = InstancePoolAwsAttributesAvailability
    pool = owner.client().instance_pools.create(
        "trainings",
        place.machine,
        aws_attributes=InstancePoolAwsAttributes(availability=kinds.SPOT),
    )
    _train(
        place, DatabricksTraining(account=account, pools=[str(pool.instance_pool_id)]), spot=True
    )


def _serverless(place: Place, account: DatabricksWorkspace) -> None:
    jobs = DatabricksTraining(account=account, image="", dependencies=["numpy>=2"])
    _train(place, jobs, machine="serverless")


def _by_spark(place: Place, account: DatabricksWorkspace) -> None:
    """Wait for the run to end, however it does: there need not be any Spark where it is played."""
    jobs = SparkBatch(account=account, image=place.image, workers=2)
    request = BatchRequest(
        model=_champion(place),
        data_uri=f"{place.root}/rows",
        output_uri=f"{place.root}/scored-by-spark",
        machine=place.machine,
    )
    ref = jobs.submit(request, key=KEY)
    until(lambda: jobs.status(ref).phase.done, within=120)


def _behind_a_gateway(place: Place, account: DatabricksWorkspace) -> None:
    """Serve behind a gateway, and read what it has kept an hour later."""
    endpoints = DatabricksEndpoints(account=account, captures="table")
    request = VariantRequest(
        endpoint="limited",
        variant="blue",
        model=_champion(place),
        machine=place.serves_on,
        serving=Serving(requests_per_second=50),
        capture=Capture(sample=1.0),
    )
    _over(endpoints.status, endpoints.deploy(request, key=KEY))
    endpoints.predict("limited", {"dataframe_records": [{"x": 0.5}]})
    place.emulator.advance(3600)
    now, hour = datetime.now(UTC), timedelta(hours=1)
    monitor = DatabricksMonitor(account=account, captures_from="table")
    if not monitor.captures("limited", Window(start=now - hour, end=now + hour)):
        raise LookupError("the table has no request")


def _watch(place: Place) -> None:
    out = io.BytesIO()
    rows = [{"x": each / 40, "n": each, "prediction": float(each > 20)} for each in range(40)]
    pq.write_table(pa.Table.from_pylist(rows), out)
    place.bucket.write(f"{place.root}/baseline.parquet", out.getvalue())
    schedule = MonitoringSchedule(
        endpoint="flights",
        baseline_uri=f"{place.root}/baseline.parquet",
        output_uri=f"{place.root}/monitor",
        every=timedelta(hours=1),
    )
    monitors = place.connect(MonitoringSchedules)
    monitors.ensure(schedule)
    monitors.ensure(schedule.model_copy(update={"every": timedelta(hours=6)}))


def _champion(place: Place) -> ModelVersion:
    model = place.connect(ModelRegistry).resolve("flights", "champion")
    if model is None:
        raise LookupError("the release has promoted no version")
    return model


def _over(look: Callable[[OperationRef], Any], ref: OperationRef) -> None:
    until(lambda: bool(look(ref).phase.done), within=120)
    if (failure := look(ref).failure) is not None:
        raise RuntimeError(f"{ref.id}: {failure.message}")
