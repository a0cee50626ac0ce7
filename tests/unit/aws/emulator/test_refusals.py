"""What the real service would not take is not taken here."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.emulator.launch import Account
from tests.unit.aws.emulator.callers import (
    BUCKET,
    IMAGE,
    ROLE,
    algorithm,
    channel,
    client,
    config,
    job,
    model,
    status,
    tag,
    variant,
)

GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/group"
NVME, KMS = "ml.g5.xlarge", "arn:aws:kms:us-east-1:123456789012:key/1"
MACHINES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
CLUSTER = {"ClusterConfig": MACHINES}
SPOT = {"EnableManagedSpotTraining": True}


def processing(**changes: Any) -> dict[str, Any]:
    asked = {
        "ProcessingJobName": "p",
        "ProcessingResources": CLUSTER,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
        "RoleArn": ROLE,
    }
    return {**asked, **changes}


def weigh(**wanted: Any) -> dict[str, Any]:
    told = {"VariantName": "v", **wanted}
    return {"EndpointName": "e", "DesiredWeightsAndCapacities": [told]}


def guarded(policy: dict[str, Any]) -> dict[str, Any]:
    deployment = {"DeploymentConfig": {"BlueGreenUpdatePolicy": policy}}
    return {"EndpointName": "e", "EndpointConfigName": "kept", **deployment}


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    # jobs
    "a role that is no ARN": ("create_training_job", job(RoleArn="me"), "at 'roleArn'"),
    "no output": ("create_training_job", job(OutputDataConfig={}), "Member must not be null"),
    "output that is not in S3": (
        "create_training_job",
        job(OutputDataConfig={"S3OutputPath": "/tmp/out"}),
        "at 'outputDataConfig.s3OutputPath'",
    ),
    "no machine at all": (
        "create_training_job",
        job(ResourceConfig={**MACHINES, "InstanceCount": 0}),
        "InstanceType and InstanceCount",
    ),
    "a machine without a disk": (
        "create_training_job",
        job(ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1}),
        "VolumeSizeInGB must be specified",
    ),
    "a key for a disk that is inside the machine": (
        "create_training_job",
        job(ResourceConfig={**MACHINES, "InstanceType": NVME, "VolumeKmsKeyId": KMS}),
        "not supported for instances with local storage",
    ),
    "spot machines that are kept warm": (
        "create_training_job",
        job(
            **SPOT,
            StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
            ResourceConfig={**MACHINES, "KeepAlivePeriodInSeconds": 60},
        ),
        "KeepAlivePeriodInSeconds is not supported",
    ),
    "more than 28 days": (
        "create_training_job",
        job(StoppingCondition={"MaxRuntimeInSeconds": 28 * 86_400 + 1}),
        "MaxRuntimeInSeconds must be less than or equal to",
    ),
    "spot that waits for less than the usual day": (
        "create_training_job",
        job(**SPOT, StoppingCondition={"MaxWaitTimeInSeconds": 3600}),
        "Invalid MaxWaitTimeInSeconds",
    ),
    "an image of another registry": (
        "create_training_job",
        job(AlgorithmSpecification=algorithm(TrainingImage="python:3.12")),
        "private Docker registry",
    ),
    "a metric that no line can tell": (
        "create_training_job",
        job(
            AlgorithmSpecification=algorithm(MetricDefinitions=[{"Name": "loss", "Regex": "loss"}])
        ),
        "Invalid metric definition",
    ),
    "a channel with a space": (
        "create_training_job",
        job(InputDataConfig=[channel("s3://a/b", "my data")]),
        "at 'inputDataConfig.1.member.channelName'",
    ),
    "a tag twice": ("create_training_job", job(Tags=tag("a", "a")), "Duplicate tag keys"),
    "a tag of AWS's own": ("create_training_job", job(Tags=tag("aws:a")), "reserved"),
    "51 tags": (
        "create_training_job",
        job(Tags=tag(*(f"k{each}" for each in range(51)))),
        "less than or equal to 50",
    ),
    "a job that is not there": (
        "stop_training_job",
        {"TrainingJobName": "nobody"},
        "Requested resource not found",
    ),
    "a processing image of another registry": (
        "create_processing_job",
        processing(AppSpecification={"ImageUri": "python:3.12", "ContainerEntrypoint": ["true"]}),
        "Invalid image URI",
    ),
    "a key for a processing disk that is inside the machine": (
        "create_processing_job",
        processing(
            ProcessingResources={
                "ClusterConfig": {**MACHINES, "InstanceType": NVME, "VolumeKmsKeyId": KMS}
            }
        ),
        "not supported for instances with local storage",
    ),
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
    # versions, tags, lists
    "a version of a group that is not there": (
        "create_model_package",
        {"ModelPackageGroupName": "nobody"},
        "does not exist",
    ),
    "a version with tags": (
        "create_model_package",
        {"ModelPackageGroupName": "group", "Tags": tag("a")},
        "not supported for a versioned model package",
    ),
    "an approval that is not there": (
        "create_model_package",
        {"ModelPackageGroupName": "group", "ModelApprovalStatus": "Perhaps"},
        "enum value set",
    ),
    "an ARN that is none": ("list_tags", {"ResourceArn": "group"}, "at 'resourceArn'"),
    "tags of what is not there": (
        "add_tags",
        {"ResourceArn": GROUP.replace("/group", "/nobody"), "Tags": tag("a")},
        "Could not find resource",
    ),
    "a token of nobody": ("list_models", {"NextToken": "3"}, "Invalid NextToken"),
    "101 results": ("list_endpoints", {"MaxResults": 101}, "less than or equal to 100"),
    "an order that is not there": ("list_models", {"SortBy": "Size"}, "enum value set"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_service_would_not_take_is_refused(account: Account, case: str) -> None:
    """The SDK checks some of it by itself, which the service does not rely on."""
    call, asked, words = REFUSED[case]
    before = len(account.unknown())
    with pytest.raises(ClientError) as caught:
        getattr(client(account, "sagemaker", checks=False), call)(**asked)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert words in caught.value.response["Error"]["Message"]
    assert len(account.unknown()) == before, "it was refused for want of an emulation"
    assert status(client(account, "sagemaker"), "e") == "InService"


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
