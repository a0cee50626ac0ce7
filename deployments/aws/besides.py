"""What SageMaker can do beside a release: its monitor, queues, transform jobs, shared machines."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import (
    BatchRequest,
    ModelRegistry,
    ModelVersion,
    MonitoringSchedule,
    MonitoringSchedules,
    OperationRef,
    RunKey,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.asynchronous import AsyncInference
from blocks.providers.aws.component_calls import Pool, Share
from blocks.providers.aws.components import SageMakerComponents
from blocks.providers.aws.endpoints import SageMakerEndpoints
from blocks.providers.aws.transform.batch import SageMakerTransform
from blocks.testing.waiting import until
from deployments.calls import Place, Stages

_KEY = RunKey(run="2026-05-01", step="besides")


def besides(account: AwsAccount) -> Stages:
    """Return what is done, after the title of its section, in order."""
    return (
        ("The same data set, sent to a server file by file", lambda each: _send(each, account)),
        ("SageMaker's own monitor looks every hour", _watch),
        ("An endpoint whose requests wait in a queue", lambda place: _queue(place, account)),
        ("Two copies of a model on machines for several", lambda place: _share(place, account)),
    )


def _send(place: Place, account: AwsAccount) -> None:
    jobs = SageMakerTransform(account=account, image=place.image)
    request = BatchRequest(
        model=_champion(place),
        data_uri=f"{place.root}/rows",
        output_uri=f"{place.root}/sent",
        machine=place.machine,
    )
    _over(jobs.status, jobs.submit(request, key=_KEY))


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


def _queue(place: Place, account: AwsAccount) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:"
    queue = AsyncInference(
        at_once=4, success_topic=f"{topic}answers", error_topic=f"{topic}failures"
    )
    endpoints = SageMakerEndpoints(account=account, image=place.image, asynchronous=queue)
    bounds = {"min_replicas": 0, "max_replicas": 2}
    request = _request(place, "queued", "blue").model_copy(update=bounds)
    _over(endpoints.status, endpoints.deploy(request, key=_KEY))


def _share(place: Place, account: AwsAccount) -> None:
    block = SageMakerComponents(account=account, image=place.image)
    pool = Pool(endpoint="shared", machine=place.machine, max_count=3)
    _over(block.status, block.open(pool, key=_KEY))
    share = Share(cpus=0.5, memory_mb=1024)
    request = _request(place, "shared", "flights")
    _over(block.status, ref := block.place(request, share, key=_KEY))
    block.resize("shared", "flights", 2)
    _over(block.status, ref)


def _request(place: Place, endpoint: str, variant: str) -> VariantRequest:
    return VariantRequest(
        endpoint=endpoint, variant=variant, model=_champion(place), machine=place.machine
    )


def _champion(place: Place) -> ModelVersion:
    model = place.connect(ModelRegistry).resolve("flights", "champion")
    assert model is not None  # noqa: S101 - the release has promoted it
    return model


def _over(look: Callable[[OperationRef], Any], ref: OperationRef) -> None:
    until(lambda: bool(look(ref).phase.done), within=120)
    if (failure := look(ref).failure) is not None:
        raise RuntimeError(f"{ref.id}: {failure.message}")
