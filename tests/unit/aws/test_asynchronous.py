"""Asynchronous endpoints of SageMaker: requests wait in a queue, answers are found in S3."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.contracts import (
    Conflict,
    Mirror,
    Phase,
    Prediction,
    RunKey,
    Serving,
    Traffic,
    Unsupported,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.asynchronous import AsyncInference
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoint_levers import QUICK
from blocks.providers.aws.endpoints import SageMakerEndpoints
from blocks.providers.aws.queued_caller import Asked
from blocks.providers.aws.s3 import Objects
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="deploy")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
TOPICS = ("answers", "failures")


def queued(account: AwsAccount, **settings: Any) -> SageMakerEndpoints:
    return SageMakerEndpoints(account=account, **QUICK, asynchronous=AsyncInference(**settings))


def up(bench: Any, endpoints: SageMakerEndpoints, kind: str = "threshold") -> str:
    """Serve a variant that has all traffic; return its endpoint's name."""
    request: VariantRequest = bench.variant_request(kind=kind)
    ref = endpoints.deploy(request, key=KEY)
    until(lambda: endpoints.status(ref).phase.done)
    assert endpoints.status(ref).phase is Phase.SUCCEEDED, endpoints.status(ref).failure
    traffic = Traffic(percent={request.variant: 100})
    endpoints.shift(request.endpoint, traffic, since=endpoints.traffic(request.endpoint))
    return request.endpoint


def answered(endpoints: SageMakerEndpoints, asked: Asked) -> Prediction:
    found: list[Prediction] = []

    def look() -> bool:
        answer = endpoints.answer(asked)
        found.extend([answer] if answer else [])
        return bool(found)

    until(look)
    return found[0]


def listening(account: AwsAccount) -> tuple[list[str], Any]:
    """Make a topic for answers and one for failures, and return them and what reads a queue."""
    sns, sqs = account.client("sns"), account.client("sqs")
    topics, queues = [], {}
    for name in TOPICS:
        topics.append(sns.create_topic(Name=name)["TopicArn"])
        queues[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=queues[name], AttributeNames=["QueueArn"])
        arn = told["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topics[-1], Protocol="sqs", Endpoint=arn)

    def read(name: str) -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=queues[name]).get("Messages", [])
        return [json.loads(json.loads(each["Body"])["Message"]) for each in messages]

    return topics, read


def heard(read: Callable[[str], list[dict[str, Any]]], name: str) -> dict[str, Any]:
    """Wait for a message; return the first."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found.extend(read(name))
        return bool(found)

    until(look)
    return found[0]


def test_a_request_waits_and_its_answer_is_put_into_s3_and_told(
    bench: Any, account: AwsAccount, emulator: Account
) -> None:
    topics, read = listening(account)
    told = dict(zip(("success_topic", "error_topic"), topics, strict=True))
    endpoints = queued(account, at_once=2, **told)
    name = up(bench, endpoints)
    asked = [endpoints.ask_later(name, ROW) for _ in range(5)]
    for each in asked:
        prediction = answered(endpoints, each)
        assert prediction.body["predictions"] == [1.0]
        assert (prediction.status, prediction.variant) == (200, "blue")
    message = heard(read, "answers")
    assert message["invocationStatus"] == "Completed"
    assert message["responseParameters"]["outputLocation"] in {each.answer_uri for each in asked}
    [config] = [each["request"] for each in emulator.calls("sagemaker:CreateEndpointConfig")]
    queue = config["AsyncInferenceConfig"]
    assert queue["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 2}
    assert queue["OutputConfig"]["S3OutputPath"].startswith(account.root)
    bad = answered(endpoints, endpoints.ask_later(name, {"nothing": 1}))
    assert bad.status == 400
    failed = heard(read, "failures")
    assert failed["invocationStatus"] == "Failed"
    assert "Received server error (400)" in failed["failureReason"]
    endpoints.take_down(name)
    until(lambda: bench.running() == [])


def test_predict_waits_for_the_answer_and_leaves_nothing_behind(
    bench: Any, account: AwsAccount
) -> None:
    """The variant has the endpoint alone, so it can be asked by its name as well."""
    endpoints = queued(account)
    name = up(bench, endpoints)
    assert endpoints.predict(name, ROW).body["predictions"] == [1.0]
    assert endpoints.predict(name, ROW, variant="blue").status == 200
    assert endpoints.predict(name, {"nothing": 1}).status == 400
    folder = f"{account.root}/async/{account.named(name)}"
    assert list(Objects(account.client("s3")).below(folder)) == []
    plain = SageMakerEndpoints(account=account, **QUICK)  # who never heard of the queue
    assert plain.predict(name, ROW).status == 200
    plain.take_down(name)
    until(lambda: bench.running() == [])


def test_a_request_that_waits_too_long_or_is_not_there_fails(
    bench: Any, account: AwsAccount, emulator: Account
) -> None:
    endpoints = queued(account, at_once=1)
    name = account.named(up(bench, endpoints))
    runtime, objects = account.client("sagemaker-runtime"), Objects(account.client("s3"))
    source = f"{account.root}/row.json"
    objects.write(source, json.dumps(ROW).encode())
    call = {"EndpointName": name, "ContentType": "application/json", "RequestTTLSeconds": 60}
    emulator.pull("kill-replicas", endpoint=name, variant="blue")  # nobody takes it in time
    late = runtime.invoke_endpoint_async(InputLocation=source, **call)
    emulator.advance(61)
    until(lambda: objects.read(late["FailureLocation"]) is not None)
    assert b"expired" in (objects.read(late["FailureLocation"]) or (b"", ""))[0]
    missing = f"{account.root}/missing.json"
    lost = runtime.invoke_endpoint_async(InputLocation=missing, **call)
    until(lambda: objects.read(lost["FailureLocation"]) is not None)
    assert objects.read(lost["OutputLocation"]) is None


def test_memory_in_place_of_a_machine_has_no_place_behind_a_queue(
    bench: Any, account: AwsAccount
) -> None:
    serverless = {"machine": "serverless-2048", "min_replicas": 0}
    request = bench.variant_request().model_copy(update=serverless)
    with pytest.raises(Unsupported) as caught:
        queued(account).deploy(request, key=KEY)
    assert caught.value.code == "SERVERLESS"
    assert bench.created("endpoints") == 0


def test_an_answer_may_take_an_hour_behind_a_queue_and_a_minute_elsewhere(
    bench: Any, account: AwsAccount
) -> None:
    serving = Serving(timeout=timedelta(hours=1))
    request = bench.variant_request().model_copy(update={"serving": serving})
    ref = queued(account).deploy(request, key=KEY)
    assert ref.id == "bench/blue"
    other = request.model_copy(update={"endpoint": "other"})
    with pytest.raises(Exception, match="waits 60 s at most"):
        SageMakerEndpoints(account=account, **QUICK).deploy(other, key=KEY)


def test_it_has_one_variant_no_split_and_no_copies_and_stays_what_it_is(
    bench: Any, account: AwsAccount, emulator: Account
) -> None:
    endpoints, green = queued(account), bench.variant_request(kind="constant", variant="green")
    name = up(bench, endpoints)
    made = len(emulator.calls("sagemaker:CreateModel"))
    with pytest.raises(Unsupported, match="one variant, no split and no copies"):
        endpoints.deploy(green, key=KEY)
    with pytest.raises(Conflict, match="stays what it is"):
        SageMakerEndpoints(account=account, **QUICK).deploy(green, key=KEY)
    with pytest.raises(Unsupported, match="no copies of requests that wait"):
        copies = Traffic(percent={"blue": 100}, mirror=Mirror(variant="green", percent=10))
        endpoints.shift(name, copies, since=endpoints.traffic(name))
    assert len(emulator.calls("sagemaker:CreateModel")) == made
    endpoints.take_down(name)


def test_an_endpoint_that_answers_at_once_has_no_queue(bench: Any, account: AwsAccount) -> None:
    endpoints = SageMakerEndpoints(account=account, **QUICK)
    name = up(bench, endpoints)
    with pytest.raises(Unsupported, match="has no queue"):
        endpoints.ask_later(name, ROW)
    runtime = account.client("sagemaker-runtime")
    with pytest.raises(ClientError, match="does not support asynchronous"):
        runtime.invoke_endpoint_async(
            EndpointName=account.named(name), InputLocation=f"{account.root}/x"
        )


def test_sagemaker_itself_refuses_what_it_would_not_have(bench: Any, account: AwsAccount) -> None:
    endpoints = queued(account)
    name = account.named(up(bench, endpoints))
    sagemaker, runtime = account.client("sagemaker"), account.client("sagemaker-runtime")
    with pytest.raises(ClientError, match="takes InvokeEndpointAsync only"):
        runtime.invoke_endpoint(EndpointName=name, Body=b"{}")
    with pytest.raises(ClientError, match="must be an S3 URI"):
        runtime.invoke_endpoint_async(EndpointName=name, InputLocation="https://a/b")
    there = sagemaker.describe_endpoint(EndpointName=name)
    assert there["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"]
    config = sagemaker.describe_endpoint_config(EndpointConfigName=there["EndpointConfigName"])
    [variant], queue = config["ProductionVariants"], config["AsyncInferenceConfig"]
    other = {**variant, "VariantName": "other"}
    create = sagemaker.create_endpoint_config
    for live, shadows in (([variant, other], []), ([variant], [other])):
        with pytest.raises(ClientError, match="Asynchronous inference"):
            create(
                EndpointConfigName="c",
                ProductionVariants=live,
                AsyncInferenceConfig=queue,
                **({"ShadowProductionVariants": shadows} if shadows else {}),
            )
    create(EndpointConfigName="plain", ProductionVariants=[variant])
    with pytest.raises(ClientError, match="cannot be added to or removed"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName="plain")
