"""Calls of somebody who never heard of us, to an emulated account."""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config

from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/theirs:1"
BUCKET = "plain"
KEY = "AKIASOMEBODY"


def client(emulator: Account, service: str, *, checks: bool = True) -> Any:
    """Return a client as anybody makes it; without ``checks`` it sends what it is given."""
    return _client(emulator.url, emulator.region, service, checks)


@functools.cache
def _client(url: str, region: str, service: str, checks: bool) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=KEY,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=checks),
    )


def job(**changes: Any) -> dict[str, Any]:
    script = "import os; open('model/weights', 'w').write(os.environ['TRAINING_JOB_NAME'])"
    asked = {
        "TrainingJobName": "job-1",
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python", "-c"],
            "ContainerArguments": [script],
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    return {**asked, **changes}


def channel(uri: str, name: str = "training") -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def algorithm(**changes: Any) -> dict[str, Any]:
    return {**job()["AlgorithmSpecification"], **changes}


def tag(*keys: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": "1"} for key in keys]


def model(**changes: Any) -> dict[str, Any]:
    asked = {"ModelName": "m", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": IMAGE}}
    return {**asked, **changes}


def variant(**changes: Any) -> dict[str, Any]:
    asked = {
        "VariantName": "v",
        "ModelName": "there",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    return {name: each for name, each in {**asked, **changes}.items() if each is not None}


def config(*variants: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"EndpointConfigName": "c", "ProductionVariants": list(variants), **changes}


def status(sagemaker: Any, name: str) -> str:
    return str(sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])


def over(emulator: Account, name: str) -> dict[str, Any]:
    sagemaker = client(emulator, "sagemaker")

    def told() -> dict[str, Any]:
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return found

    until(lambda: told()["TrainingJobStatus"] not in ("InProgress", "Stopping"))
    return told()
