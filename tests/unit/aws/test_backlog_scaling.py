"""Machines behind a queue come with what waits in it, and none is there while nothing does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.contracts import Phase, Prediction, Traffic, VariantRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.asynchronous import AsyncInference
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoint_levers import QUICK
from blocks.providers.aws.endpoints import SageMakerEndpoints
from blocks.testing.deploying import KEY, ROW, asked_by
from blocks.testing.waiting import until

FAST = 600  # of the cloud's clock: CloudWatch looks every minute
STEADY = 60  # a machine that is slow to come and an answer that is slow still come in time


@pytest.fixture
def endpoints(account: AwsAccount) -> SageMakerEndpoints:
    queue = AsyncInference(at_once=1, backlog=2)
    return SageMakerEndpoints(account=account, **QUICK, asynchronous=queue)


def up(bench: Any, endpoints: SageMakerEndpoints, *, least: int, most: int) -> VariantRequest:
    bounds = {"min_replicas": least, "max_replicas": most}
    request: VariantRequest = bench.variant_request(kind="slow").model_copy(update=bounds)
    ref = endpoints.deploy(request, key=KEY)
    until(lambda: endpoints.status(ref).phase.done)
    assert endpoints.status(ref).phase is Phase.SUCCEEDED, endpoints.status(ref).failure
    return request


def alarms(account: AwsAccount) -> list[str]:
    told = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return [each["AlarmName"] for each in told]


def test_nothing_runs_while_nothing_waits_and_the_first_request_wakes_a_machine(
    bench: Any, endpoints: SageMakerEndpoints, account: AwsAccount, emulator: Account
) -> None:
    request = up(bench, endpoints, least=0, most=1)
    name, all_of_it = request.endpoint, Traffic(percent={request.variant: 100})
    emulator.pull("speed", speed=FAST)
    until(lambda: bench.running() == [])
    assert [each.ready_replicas for each in endpoints.variants(name)] == [0]
    endpoints.shift(name, all_of_it, since=endpoints.traffic(name))  # it answers once it is asked
    emulator.pull("speed", speed=1)  # else what waits may be too old before we have looked
    asked = endpoints.ask_later(name, ROW)
    assert endpoints.answer(asked) is None
    emulator.pull("speed", speed=STEADY)
    found: list[Prediction] = []

    def answered() -> bool:
        answer = endpoints.answer(asked)
        found.extend([answer] if answer else [])
        return bool(found)

    until(answered)
    assert found[0].status == 200, found[0].body
    emulator.pull("speed", speed=FAST)
    until(lambda: bench.running() == [])
    assert alarms(account) == [f"{account.named(name)}-waits"]
    endpoints.take_down(name)
    assert alarms(account) == []


def test_what_waits_brings_machines_up_to_the_bound(
    bench: Any, endpoints: SageMakerEndpoints, account: AwsAccount, emulator: Account
) -> None:
    name = up(bench, endpoints, least=1, most=2).endpoint
    assert alarms(account) == []  # there is always a machine
    emulator.pull("speed", speed=STEADY)
    with asked_by(4, lambda: endpoints.ask_later(name, ROW)):  # more than one machine answers
        until(lambda: len(bench.running()) == 2)
    emulator.pull("speed", speed=FAST)
    until(lambda: len(bench.running()) == 1)
    endpoints.take_down(name)


def test_machines_that_answer_at_once_cannot_all_be_let_go(bench: Any, account: AwsAccount) -> None:
    endpoints = SageMakerEndpoints(account=account, **QUICK)
    request = bench.variant_request()
    ref = endpoints.deploy(request, key=KEY)
    until(lambda: endpoints.status(ref).phase.done)
    with pytest.raises(ClientError, match="MinCapacity 0 is for asynchronous"):
        account.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/{account.named(request.endpoint)}/variant/{request.variant}",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            MinCapacity=0,
            MaxCapacity=1,
        )
