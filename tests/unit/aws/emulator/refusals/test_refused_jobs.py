"""Jobs that SageMaker would not take are not taken here."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.providers.aws.emulator.launch import Account
from tests.unit.aws.emulator.callers import IMAGE, ROLE, algorithm, channel, job, tag
from tests.unit.aws.emulator.refusals.refused import Refused, is_refused

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


REFUSED: dict[str, Refused] = {
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
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_job_that_the_service_would_not_take_is_refused(account: Account, case: str) -> None:
    is_refused(account, *REFUSED[case])
