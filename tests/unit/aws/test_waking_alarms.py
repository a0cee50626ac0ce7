"""The alarm of a queue goes with its endpoint, and is found when it was left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks.contracts import Denied, Inventory, Phase, Resource, RunKey
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.asynchronous import AsyncInference
from blocks.providers.aws.endpoint_levers import QUICK
from blocks.providers.aws.endpoints import SageMakerEndpoints
from blocks.providers.aws.store import AwsStore
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.monitor import LocalMonitor
from blocks.testing.waiting import until
from tasks.sweep.places import Places
from tasks.sweep.removal import sweep_places
from tasks.sweep.spec import SweepSpec

KEY = RunKey(run="run-1", step="deploy")


@pytest.fixture
def inventory(bench: Any) -> Inventory:
    found: Inventory = bench.connect(Inventory)
    return found


@pytest.fixture
def endpoint(bench: Any, account: AwsAccount) -> str:
    """Serve a variant that may have no machine; return what SageMaker calls its endpoint."""
    endpoints = SageMakerEndpoints(account=account, **QUICK, asynchronous=AsyncInference())
    bounds = {"min_replicas": 0, "max_replicas": 1}
    request = bench.variant_request().model_copy(update=bounds)
    ref = endpoints.deploy(request, key=KEY)
    until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED, within=120)
    return account.named(request.endpoint)


def forget_what_is_wanted(bench: Any) -> None:
    """Lose the object that says what the endpoint should be."""
    store = AwsStore(account=bench.levers_account)
    for each in list(store.walk(f"{store.root}/endpoints")):
        store.remove(each.uri)


def listed(inventory: Inventory, kind: str) -> list[Resource]:
    return [each for each in inventory.owned() if each.kind == kind]


def alarms(account: AwsAccount) -> list[str]:
    told = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return [each["AlarmName"] for each in told]


def test_an_endpoint_that_nobody_wants_takes_its_alarm_with_it(
    bench: Any, endpoint: str, inventory: Inventory, account: AwsAccount
) -> None:
    [alarm] = listed(inventory, "alarm")
    assert not alarm.running  # it is a part of the endpoint
    forget_what_is_wanted(bench)
    [found] = listed(inventory, "endpoint")
    inventory.remove(found)
    assert alarms(account) == []
    assert bench.running() == []


def test_an_alarm_without_an_endpoint_is_swept(
    bench: Any, endpoint: str, inventory: Inventory, account: AwsAccount, tmp_path: Path
) -> None:
    forget_what_is_wanted(bench)
    sagemaker = account.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName=endpoint)
    until(lambda: listed(inventory, "endpoint") == [])
    [lost] = listed(inventory, "alarm")
    assert lost.running
    here = LocalMachine(workspace=tmp_path / "here")
    places = Places(
        inventories=(inventory,),
        endpoints=LocalEndpoints(machine=here),
        monitor=LocalMonitor(machine=here),
        store=AwsStore(account=account),
        prices=LocalPrices(machine=here),
    )
    spec, now = SweepSpec(grace=timedelta(0)), datetime.now(UTC)
    report = sweep_places(places, spec, now=now, remove=True, who="ann@here")
    assert report.removed == (f"alarm {lost.name}",)
    assert alarms(account) == []
    inventory.remove(lost)  # gone is fine


def test_an_alarm_of_somebody_else_is_not_touched(
    bench: Any, inventory: Inventory, account: AwsAccount
) -> None:
    """It is called as one of ours would be, and does not carry our mark."""
    name = account.named("theirs-waits")
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    [found] = listed(inventory, "alarm")
    with pytest.raises(Denied, match="does not carry the tag"):
        inventory.remove(found)
    assert alarms(account) == [name]
