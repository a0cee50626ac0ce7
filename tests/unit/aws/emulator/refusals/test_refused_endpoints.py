"""Models, configurations, endpoints and requests to them that SageMaker would not take."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.emulator.launch import Account
from tests.unit.aws.emulator.callers import BUCKET, IMAGE, client, config, model, variant
from tests.unit.aws.emulator.refusals.refused import Refused, is_refused


def weigh(**wanted: Any) -> dict[str, Any]:
    told = {"VariantName": "v", **wanted}
    return {"EndpointName": "e", "DesiredWeightsAndCapacities": [told]}


def guarded(policy: dict[str, Any]) -> dict[str, Any]:
    deployment = {"DeploymentConfig": {"BlueGreenUpdatePolicy": policy}}
    return {"EndpointName": "e", "EndpointConfigName": "kept", **deployment}


REFUSED: dict[str, Refused] = {
    # models
    "a model without a role": (
        "create_model",
        {"ModelName": "m", "PrimaryContainer": {"Image": IMAGE}},
        "ExecutionRoleArn must be specified",
    ),
    "a model's image of another registry": (
        "create_model",
        model(PrimaryContainer={"Image": "python:3.12"}),
        "Using non-ECR image",
    ),
    "a model's name of 64 letters": (
        "create_model",
        model(ModelName="m" * 64),
        "at 'modelName'",
    ),
    "a model's name again": ("create_model", model(ModelName="there"), "already existing model"),
    # configurations
    "no variant": ("create_endpoint_config", config(), "greater than or equal to 1"),
    "eleven variants": (
        "create_endpoint_config",
        config(*(variant(VariantName=f"v{each}") for each in range(11))),
        "less than or equal to 10",
    ),
    "a weight below nothing": (
        "create_endpoint_config",
        config(variant(InitialVariantWeight=-0.1)),
        "greater than or equal to 0",
    ),
    "a variant without machines": (
        "create_endpoint_config",
        config(variant(InitialInstanceCount=0)),
        "greater than or equal to 1",
    ),
    "a variant that does not say on what it runs": (
        "create_endpoint_config",
        config(variant(InstanceType=None)),
        "InstanceType and InitialInstanceCount must be specified",
    ),
    "machines and memory": (
        "create_endpoint_config",
        config(variant(ServerlessConfig={"MemorySizeInMB": 2048, "MaxConcurrency": 1})),
        "erverless",
    ),
    "memory that is not offered": (
        "create_endpoint_config",
        config(
            variant(
                InstanceType=None,
                InitialInstanceCount=None,
                ServerlessConfig={"MemorySizeInMB": 1500, "MaxConcurrency": 1},
            )
        ),
        "erverless",
    ),
    "more capture than all": (
        "create_endpoint_config",
        config(
            variant(),
            DataCaptureConfig={
                "InitialSamplingPercentage": 101,
                "DestinationS3Uri": f"s3://{BUCKET}/captured",
                "CaptureOptions": [{"CaptureMode": "Input"}],
            },
        ),
        "less than or equal to 100",
    ),
    "a strategy that is not there": (
        "create_endpoint_config",
        config(variant(RoutingConfig={"RoutingStrategy": "ROUND_ROBIN"})),
        "enum value set",
    ),
    "a configuration that is not there": (
        "describe_endpoint_config",
        {"EndpointConfigName": "nobody"},
        "Could not find endpoint configuration",
    ),
    # endpoints
    "an endpoint's name with a dot": (
        "create_endpoint",
        {"EndpointName": "e.1", "EndpointConfigName": "kept"},
        "at 'endpointName'",
    ),
    "an endpoint's name again": (
        "create_endpoint",
        {"EndpointName": "e", "EndpointConfigName": "kept"},
        "already existing endpoint",
    ),
    "no new configuration": (
        "update_endpoint",
        {"EndpointName": "e", "EndpointConfigName": "nobody"},
        "Could not find endpoint configuration",
    ),
    "no such endpoint": (
        "update_endpoint",
        {"EndpointName": "nobody", "EndpointConfigName": "kept"},
        "Could not find endpoint",
    ),
    "another weight below nothing": (
        "update_endpoint_weights_and_capacities",
        weigh(DesiredWeight=-1.0),
        "greater than or equal to 0",
    ),
    "the weight of somebody else": (
        "update_endpoint_weights_and_capacities",
        weigh(VariantName="other", DesiredWeight=1.0),
        "not present",
    ),
    "no machine for who answers at once": (
        "update_endpoint_weights_and_capacities",
        weigh(DesiredInstanceCount=0),
        "is for asynchronous endpoints",
    ),
    "a canary of more than half": (
        "update_endpoint",
        guarded(
            {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "WaitIntervalInSeconds": 60,
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 60},
                }
            }
        ),
        "CanarySize must be between",
    ),
    "a canary of no size": (
        "update_endpoint",
        guarded({"TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 60}}),
        "CanarySize must be specified",
    ),
    "an alarm that is not there": (
        "update_endpoint",
        {
            "EndpointName": "e",
            "EndpointConfigName": "kept",
            "DeploymentConfig": {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "ALL_AT_ONCE",
                        "WaitIntervalInSeconds": 60,
                    }
                },
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "nobodys"}]},
            },
        },
        "Could not find the CloudWatch alarm",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_serving_that_the_service_would_not_take_is_refused(account: Account, case: str) -> None:
    is_refused(account, *REFUSED[case])


ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "nobody's endpoint": ({"EndpointName": "nobody"}, "not found"),
    "nobody's variant": ({"TargetVariant": "other"}, "not found"),
    "one of several models": ({"TargetModel": "m.tar.gz"}, "is for an endpoint of several models"),
    "one of several containers": ({"TargetContainerHostname": "c"}, "several containers"),
    "a component": ({"InferenceComponentName": "c"}, "has no inference components"),
    "attributes of 1025 letters": ({"CustomAttributes": "a" * 1025}, "at 'customAttributes'"),
    "an id of 65 letters": ({"InferenceId": "a" * 65}, "at 'inferenceId'"),
    "more than 6 MB": ({"Body": b"a" * (6_291_456 + 1)}, "less than or equal to 6291456"),
}


@pytest.mark.parametrize("case", ASKED)
def test_what_no_endpoint_answers_is_refused(account: Account, case: str) -> None:
    changes, words = ASKED[case]
    asked = {"EndpointName": "e", "Body": b"{}", **changes}
    with pytest.raises(ClientError) as caught:
        client(account, "sagemaker-runtime", checks=False).invoke_endpoint(**asked)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert words in caught.value.response["Error"]["Message"]
