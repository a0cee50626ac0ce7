"""Serverless endpoints of SageMaker: one variant, and what they cannot do is refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.contracts import (
    Capture,
    Endpoints,
    InvalidRequest,
    RunKey,
    Serving,
    Traffic,
    Unsupported,
    VariantRequest,
)
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="deploy")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}


@pytest.fixture
def request_(bench: Any) -> VariantRequest:
    changes = {"machine": "serverless-2048", "min_replicas": 0, "max_replicas": 5}
    request: VariantRequest = bench.variant_request(variant="blue")
    return request.model_copy(update={**changes, "capture": Capture(sample=0)})


def test_a_serverless_variant_serves_alone_and_is_taken_down(
    bench: Any, request_: VariantRequest
) -> None:
    endpoints = bench.connect(Endpoints)
    bench.settle(ref := endpoints.deploy(request_, key=KEY))
    status = endpoints.status(ref)
    assert status.result is not None, status.failure
    name = request_.endpoint
    endpoints.shift(name, Traffic(percent={"blue": 100}), since=endpoints.traffic(name))
    assert endpoints.predict(name, ROW).body["predictions"] == [1.0]
    [made] = [each["request"] for each in bench.emulator.calls("sagemaker:CreateEndpointConfig")]
    [variant] = made["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    green = bench.variant_request(kind="constant", variant="green")
    with pytest.raises(Unsupported, match="one variant, no split and no copies"):
        endpoints.deploy(green, key=KEY)
    endpoints.take_down(name)
    until(lambda: bench.running() == [])


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"capture": Capture(sample=0.1)}, Unsupported, "CAPTURE"),
        ({"serving": Serving(max_payload_bytes=5_000_000)}, Unsupported, "MAX_PAYLOAD"),
        ({"max_replicas": 201}, InvalidRequest, "MAX_REPLICAS"),
        ({"machine": "serverless-1500"}, InvalidRequest, "MACHINE"),
        ({"machine": "ml.m5.large"}, Unsupported, "SCALE_TO_ZERO"),
    ],
)
def test_what_it_cannot_do_is_refused_before_anything_is_made(
    bench: Any,
    request_: VariantRequest,
    change: dict[str, Any],
    error: type[Exception],
    code: str,
) -> None:
    with pytest.raises(error) as caught:
        bench.connect(Endpoints).deploy(request_.model_copy(update=change), key=KEY)
    assert getattr(caught.value, "code", "") == code
    assert bench.created("endpoints") == 0


def test_sagemaker_itself_refuses_the_model_and_the_company_that_it_would_not_have(
    bench: Any, request_: VariantRequest
) -> None:
    sagemaker = bench.levers_account.client("sagemaker")
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/server:1"}
    sagemaker.create_model(
        ModelName="plain", PrimaryContainer=container, ExecutionRoleArn=bench.account.role_arn
    )
    small = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant = {"VariantName": "a", "ModelName": "plain", "ServerlessConfig": small}
    for broken in (
        [variant, {**variant, "VariantName": "b"}],
        [{**variant, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}],
        [{**variant, "ServerlessConfig": {**small, "MemorySizeInMB": 1500}}],
        [{**variant, "ServerlessConfig": {**small, "ProvisionedConcurrency": 2}}],
    ):
        with pytest.raises(ClientError, match="Serverless inference"):
            sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=broken)
