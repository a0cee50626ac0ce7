"""SageMaker's own guardrail: traffic moves in steps, and back when a CloudWatch alarm rings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from blocks.contracts import (
    Conflict,
    Failure,
    InvalidRequest,
    OperationRef,
    Phase,
    RunKey,
    Unsupported,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoint_levers import IMAGE
from blocks.providers.aws.guardrail import Guardrail, SageMakerGuardrail
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="replace")
ROW = b'{"dataframe_records": [{"x": 0.7, "n": 1}]}'
CANARY = Guardrail(percent=50, bake=timedelta(minutes=5), alarms=("errors",))
ROLLING = Guardrail(
    kind="ROLLING", percent=50, bake=timedelta(minutes=5), back_percent=50, alarms=("errors",)
)


@pytest.fixture
def block(account: AwsAccount) -> SageMakerGuardrail:
    return SageMakerGuardrail(account=account, image=IMAGE)


def replaced(
    bench: Any, block: SageMakerGuardrail, kind: str, guardrail: Guardrail = CANARY
) -> OperationRef:
    return block.replace(bench.variant_request(kind=kind), guardrail, key=KEY)


def first(bench: Any, block: SageMakerGuardrail) -> str:
    """Serve a first model; return the name of its configuration."""
    ref = replaced(bench, block, "threshold")
    until(lambda: block.status(ref).phase.done)
    status = block.status(ref)
    assert status.result is not None, status.failure
    return status.result.config


def alarmed(account: AwsAccount, **changes: Any) -> None:
    """Make an alarm that rings at the first answer with an error of the container."""
    alarm = {
        "AlarmName": "errors",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [
            {"Name": "EndpointName", "Value": account.named("bench")},
            {"Name": "VariantName", "Value": "blue"},
        ],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    account.client("cloudwatch").put_metric_alarm(**{**alarm, **changes})


@contextmanager
def asked(account: AwsAccount) -> Iterator[list[str]]:
    """Ask without a pause; the list grows by what is answered, empty for an error."""
    answers: list[str] = []
    enough, runtime = threading.Event(), account.client("sagemaker-runtime")

    def ask() -> None:
        while not enough.is_set():
            try:
                told = runtime.invoke_endpoint(
                    EndpointName=account.named("bench"), Body=ROW, ContentType="application/json"
                )
                answers.append(told["Body"].read().decode())
            except ClientError:
                answers.append("")

    caller = threading.Thread(target=ask)
    caller.start()
    try:
        yield answers
    finally:
        enough.set()
        caller.join()


def described(account: AwsAccount) -> dict[str, Any]:
    sagemaker = account.client("sagemaker")
    told: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=account.named("bench"))
    return told


def test_a_model_that_fails_goes_back_once_the_alarm_rings(
    bench: Any, block: SageMakerGuardrail, account: AwsAccount, emulator: Account
) -> None:
    before = first(bench, block)
    alarmed(account)
    with asked(account) as answers:
        ref = replaced(bench, block, "broken")
        until(lambda: "" in answers)
        emulator.advance(
            20
        )  # to the next look at the alarms, of which there are 20 in five minutes
        until(lambda: block.status(ref).phase.done)
    status = block.status(ref)
    assert status.phase is Phase.FAILED
    assert isinstance(status.failure, Failure)
    assert status.failure.code == "RETURNED"
    assert "alarm state: errors" in status.failure.message
    assert "" in answers
    assert answers[-1]  # the model of before answers all again
    assert described(account)["EndpointConfigName"] == before
    alarms = account.client("cloudwatch").describe_alarms(AlarmNames=["errors"])
    assert alarms["MetricAlarms"][0]["StateValue"] == "ALARM"
    assert replaced(bench, block, "broken") == ref  # the same question: it is not tried again
    assert len(emulator.calls("sagemaker:UpdateEndpoint")) == 1


def test_a_healthy_model_takes_over_step_by_step(
    bench: Any, block: SageMakerGuardrail, account: AwsAccount, emulator: Account
) -> None:
    first(bench, block)
    alarmed(account)
    with asked(account) as answers:
        ref = replaced(bench, block, "constant")
        until(lambda: any("0.25" in each for each in answers))
        some = len(answers)
        until(lambda: any("1.0" in each for each in answers[some:]))  # half still goes to the old
        assert block.status(ref).phase is Phase.RUNNING
        with pytest.raises(Conflict, match="changing"):
            replaced(bench, block, "broken")
        emulator.advance(300)  # the canary has baked
        emulator.advance(300)
        until(lambda: _advanced(emulator, block, ref))
        some = len(answers)
        until(lambda: len(answers) > some + 20)
    assert block.status(ref).phase is Phase.SUCCEEDED
    assert all("0.25" in each for each in answers[some + 1 :])
    assert described(account)["LastDeploymentConfig"] == CANARY.to_deployment_config()


def _advanced(
    emulator: Account, block: SageMakerGuardrail, ref: OperationRef, seconds: float = 60
) -> bool:
    emulator.advance(seconds)
    return block.status(ref).phase.done


def test_where_sagemaker_would_not_watch_it_is_refused_before_anything_changes(
    bench: Any, block: SageMakerGuardrail, account: AwsAccount, emulator: Account
) -> None:
    request: VariantRequest = bench.variant_request()
    inferentia = request.model_copy(update={"machine": "ml.inf1.xlarge"})
    with pytest.raises(Unsupported, match=r"unwatched on ml\.inf1\.xlarge"):
        block.replace(inferentia, CANARY, key=KEY)
    assert emulator.calls("sagemaker:CreateModel") == []
    with pytest.raises(ValidationError, match="alarms"):
        Guardrail(alarms=())
    first(bench, block)
    with pytest.raises(Conflict, match="has variants \\['blue'\\]"):
        block.replace(bench.variant_request(variant="green"), CANARY, key=KEY)
    with pytest.raises(InvalidRequest, match="Could not find the CloudWatch alarm"):
        replaced(bench, block, "constant")
    assert emulator.calls("sagemaker:UpdateEndpoint")[0]["status"] == 400


def test_a_rolling_update_needs_two_machines_and_keeps_none_of_the_old(
    bench: Any, block: SageMakerGuardrail
) -> None:
    first(bench, block)
    with pytest.raises(Unsupported, match="min_replicas=2"):
        replaced(bench, block, "constant", ROLLING)
    with pytest.raises(ValidationError, match="leave out keep_old"):
        Guardrail(kind="ROLLING", keep_old=timedelta(minutes=1), alarms=("a",))
    with pytest.raises(ValidationError, match="kind=ROLLING only"):
        Guardrail(back_percent=50, alarms=("a",))


@pytest.mark.parametrize(
    ("kind", "done"), [("constant", Phase.SUCCEEDED), ("broken", Phase.FAILED)]
)
def test_machines_are_replaced_a_batch_at_a_time_and_come_back_when_the_alarm_rings(
    bench: Any, block: SageMakerGuardrail, kind: str, done: Phase
) -> None:
    account, emulator = bench.account, bench.emulator

    def replace(kind: str) -> OperationRef:
        request = bench.variant_request(kind=kind).model_copy(
            update={"min_replicas": 2, "max_replicas": 2}
        )
        return block.replace(request, ROLLING, key=KEY)

    until(lambda: block.status(replace("threshold")).phase.done)
    alarmed(account)
    emulator.pull("speed", speed=1e-6)  # batches bake until they are told
    ref = replace(kind)
    until(lambda: _baking(account))
    assert len(bench.running()) == 3  # one of the new beside both of the old
    with asked(account) as answers:
        until(lambda: "" in answers or any("0.25" in each for each in answers))
        until(lambda: _advanced(emulator, block, ref, 20))  # to a next look at the alarms
        some = len(answers)
        until(lambda: len(answers) > some + 20)
    assert block.status(ref).phase is done
    until(lambda: len(bench.running()) == 2)
    last = "0.25" if done is Phase.SUCCEEDED else "1.0"
    assert all(last in each for each in answers[some + 1 :])
    assert described(account)["LastDeploymentConfig"] == ROLLING.to_deployment_config()


def _baking(account: AwsAccount) -> bool:
    [variant] = described(account)["PendingDeploymentSummary"]["ProductionVariants"]
    return bool(variant["VariantStatus"][0]["Status"] == "Baking")
