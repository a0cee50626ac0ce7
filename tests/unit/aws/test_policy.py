"""The policies that are shipped are neither too small nor too large for what the blocks do."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    Capture,
    Endpoints,
    Monitor,
    MonitoringSchedule,
    MonitoringSchedules,
    ObjectStore,
    Phase,
    RunKey,
    Window,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.asynchronous import AsyncInference
from blocks.providers.aws.backlog_scaling import to_put_metric_alarm
from blocks.providers.aws.bench import KEY
from blocks.providers.aws.component_calls import Pool, Share
from blocks.providers.aws.components import SageMakerComponents
from blocks.providers.aws.cost import AwsPrices
from blocks.providers.aws.emulator.launch import CONTAINERS
from blocks.providers.aws.endpoint_levers import IMAGE, MACHINE, QUICK
from blocks.providers.aws.endpoints import SageMakerEndpoints
from blocks.testing.waiting import until
from deployments.aws.policy import CALLER, ROLE
from tests.unit.exercises import ROW, everything


def scale(bench: Any) -> None:
    """Serve a variant with bounds, and no longer; a look takes the endpoint further."""
    endpoints = bench.connect(Endpoints)
    request = bench.variant_request().model_copy(update={"max_replicas": 2})
    ref = endpoints.deploy(request, key=RunKey(run="run-1", step="scale"))
    until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED)
    endpoints.retire(request.endpoint, request.variant)
    until(lambda: not bench.running())


def queue(bench: Any) -> None:
    """Ask an endpoint whose requests wait, and which may have no machine."""
    bounds = {"endpoint": "queued", "min_replicas": 0, "max_replicas": 1}
    request = bench.variant_request().model_copy(update=bounds)
    endpoints = SageMakerEndpoints(account=bench.account, **QUICK, asynchronous=AsyncInference())
    ref = endpoints.deploy(request, key=RunKey(run="run-1", step="queue"))
    until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED)
    assert endpoints.predict("queued", ROW).status == 200


def group(bench: Any) -> None:
    """Let there be a feature group that is to be taken down."""
    definitions = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at")]
    bench.levers_account.client("sagemaker").create_feature_group(
        FeatureGroupName=bench.account.named("features"),
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=definitions,
        OnlineStoreConfig={"EnableOnlineStore": True},
        Tags=bench.account.tags(),
    )


def lose(bench: Any) -> None:
    """Let there be the alarm of an endpoint that is gone."""
    tags = bench.account.tags()
    alarm = to_put_metric_alarm(bench.account.named("lost"), "arn:aws:autoscaling:::policy", tags)
    bench.levers_account.client("cloudwatch").put_metric_alarm(**alarm)


def share(bench: Any) -> None:
    """Ask a model that shares a machine, and take it off."""
    block, key = SageMakerComponents(account=bench.account, image=IMAGE), RunKey(run="1", step="a")
    opened = block.open(Pool(endpoint="shared", machine=MACHINE), key=key)
    until(lambda: block.status(opened).phase is Phase.SUCCEEDED)
    request = bench.variant_request(variant="one").model_copy(update={"endpoint": "shared"})
    placed = block.place(request, Share(), key=key)
    assert block.place(request, Share(), key=key) == placed
    until(lambda: block.status(placed).phase is Phase.SUCCEEDED)
    assert block.predict("shared", "one", ROW).status == 200
    block.resize("shared", "one", 1)
    until(lambda: block.status(placed).phase is Phase.SUCCEEDED)
    block.remove("shared", "one")


def measure(bench: Any) -> None:
    """Look at what CloudWatch counts of an endpoint."""
    now = datetime.now(UTC)
    window = Window(start=now - timedelta(minutes=5), end=now)
    labels = {"endpoint": "bench", "variant": "blue"}
    assert bench.connect(Monitor).read("aws/Invocations", window, labels=labels) == []


def watch(bench: Any) -> None:
    """Let SageMaker's own monitor look every hour, and then every other one."""
    endpoints, monitors = bench.connect(Endpoints), bench.connect(MonitoringSchedules)
    request = bench.variant_request().model_copy(update={"endpoint": "watched"})
    request = request.model_copy(update={"capture": Capture(sample=1.0)})
    bench.settle(endpoints.deploy(request, key=RunKey(run="run-1", step="watch")))
    store, out = bench.connect(ObjectStore), io.BytesIO()
    pq.write_table(pa.table({"x": [0.7], "n": [1]}), out)
    kept = store.write(f"{store.root}/baseline.parquet", out.getvalue())
    for hours in (1, 2):
        schedule = MonitoringSchedule(
            endpoint="watched",
            baseline_uri=kept.uri,
            output_uri=f"{store.root}/monitor",
            every=timedelta(hours=hours),
        )
        monitors.ensure(schedule)
    now = datetime.now(UTC)
    assert monitors.looks("watched", Window(start=now - timedelta(hours=1), end=now)) == []


def test_everything_is_allowed_that_is_done_and_nothing_else(bench: Any, tmp_path: Path) -> None:
    bench.emulator.pull("policy", key=KEY, actions=list(CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(ROLE))
    scale(bench)
    queue(bench)
    lose(bench)
    share(bench)
    watch(bench)
    measure(bench)
    group(bench)
    assert AwsPrices(account=bench.account, ask=True).price("ml.m5.large") is not None
    everything(bench, tmp_path, registers="sagemaker:CreateModelPackage")
    assert set(bench.emulator.pull("actions", key=KEY)) == set(CALLER)
    assert set(bench.emulator.pull("actions", key=CONTAINERS)) == set(ROLE)


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        *((each, kind) for each in ("", "ec2-", "lambda-") for kind in ("caller", "role", "trust")),
        *((each, kind) for each in ("sdk-", "transform-") for kind in ("caller", "role")),
    ],
)
def test_the_documents_are_policies_that_iam_takes(
    account: AwsAccount, service: str, kind: str
) -> None:
    asked = ["--account=123456789012", "--region=us-east-1", "--bucket=models"]
    printed = subprocess.run(
        [sys.executable, "-m", "deployments.aws", service + kind, *asked],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    iam = account.client("iam")
    if kind == "trust":
        iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=printed)
    else:
        iam.create_policy(PolicyName=kind, PolicyDocument=printed)
    assert "{" not in "".join(
        resource
        for statement in json.loads(printed)["Statement"]
        for resource in statement.get("Resource", [])
    )
