"""Training jobs as the service takes and refuses them, in its words, to the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.emulator.launch import Account
from tests.unit.aws.emulator.callers import BUCKET, IMAGE, algorithm, channel, client, job, over

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a name with an underscore": (
        {"TrainingJobName": "job_1"},
        "ValidationException",
        "1 validation error detected: Value 'job_1' at 'trainingJobName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern",
    ),
    "an instance type that does not exist": (
        {"ResourceConfig": {"InstanceType": "ml.m5.tiny", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        "ValidationException",
        "Member must satisfy enum value set",
    ),
    "no instance type": (
        {"ResourceConfig": {"VolumeSizeInGB": 10}},
        "ValidationException",
        "InstanceType and InstanceCount must be specified",
    ),
    "a parameter of two lines": (
        {"HyperParameters": {"text": "one\ntwo"}},
        "ValidationException",
        "at 'hyperParameters.text.value' failed to satisfy constraint",
    ),
    "a parameter that is too long": (
        {"HyperParameters": {"text": "x" * 2501}},
        "ValidationException",
        "Member must have length less than or equal to 2500",
    ),
    "spot without a limit to the wait": (
        {"EnableManagedSpotTraining": True},
        "ValidationException",
        "Invalid MaxWaitTimeInSeconds",
    ),
    "a wait shorter than the run": (
        {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59},
        },
        "ValidationException",
        "greater than or equal to MaxRuntimeInSeconds",
    ),
    "a wait without spot": (
        {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
        "ValidationException",
        "only allowed when EnableManagedSpotTraining is true",
    ),
    "two channels of one name": (
        {"InputDataConfig": [channel("s3://a/b"), channel("s3://a/c")]},
        "ValidationException",
        "Channel names must be unique",
    ),
    "image and algorithm": (
        {"AlgorithmSpecification": algorithm(AlgorithmName="mine")},
        "ValidationException",
        "exactly one of TrainingImage and AlgorithmName",
    ),
    "what is not emulated": (
        {"RetryStrategy": {"MaximumRetryAttempts": 1}},
        "UnknownOperationException",
        "not emulated: RetryStrategy",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_job_that_the_service_refuses_is_refused(emulator: Account, case: str) -> None:
    changes, code, words = REFUSED[case]
    sagemaker = client(emulator, "sagemaker")
    # the SDK checks some of it by itself, which the service does not rely on
    with pytest.raises(ClientError) as caught:
        client(emulator, "sagemaker", checks=False).create_training_job(**job(**changes))
    assert caught.value.response["Error"]["Code"] == code
    assert words in caught.value.response["Error"]["Message"]
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []


def test_a_name_is_taken_for_ever(emulator: Account) -> None:
    sagemaker = client(emulator, "sagemaker")
    client(emulator, "s3").create_bucket(Bucket=BUCKET)
    sagemaker.create_training_job(**job())
    over(emulator, "job-1")
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**job())
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"


def test_a_job_of_somebody_who_never_heard_of_us_does_its_work(emulator: Account) -> None:
    s3, sagemaker = client(emulator, "s3"), client(emulator, "sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    sagemaker.create_training_job(**job())
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName="job-1", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    told = sagemaker.describe_training_job(TrainingJobName="job-1")
    assert told["TrainingJobStatus"] == "Completed"
    moves = [each["Status"] for each in told["SecondaryStatusTransitions"]]
    assert moves == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert told["BillableTimeInSeconds"] == told["TrainingTimeInSeconds"] > 0
    archive = told["ModelArtifacts"]["S3ModelArtifacts"]
    assert archive == f"s3://{BUCKET}/out/job-1/output/model.tar.gz"
    key = archive.removeprefix(f"s3://{BUCKET}/")
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] > 0


def test_spot_with_somebody_elses_algorithm_as_the_service_is_shown(emulator: Account) -> None:
    """The calls of every introduction: an image, its own entrypoint, managed spot, checkpoints."""
    s3, sagemaker = client(emulator, "s3"), client(emulator, "sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body=b"1,2\n")
    sagemaker.create_training_job(
        **job(
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            InputDataConfig=[channel(f"s3://{BUCKET}/train", "train")],
            StoppingCondition={"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
            EnableManagedSpotTraining=True,
            CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints"},
        )
    )
    told = over(emulator, "job-1")
    assert told["TrainingJobStatus"] == "Completed"
    assert told["BillableTimeInSeconds"] <= told["TrainingTimeInSeconds"]
    logs = client(emulator, "logs")
    group = "/aws/sagemaker/TrainingJobs"
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    lines = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert "{'train': 4} bytes" in lines[0]["message"]


def test_missing_data_and_missing_buckets_are_the_callers_fault(emulator: Account) -> None:
    sagemaker = client(emulator, "sagemaker")
    client(emulator, "s3").create_bucket(Bucket=BUCKET)
    uri = f"s3://{BUCKET}/nothing"
    sagemaker.create_training_job(**job(InputDataConfig=[channel(uri)]))
    told = over(emulator, "job-1")
    assert told["FailureReason"].startswith("ClientError: Data download failed")
    output = {"S3OutputPath": "s3://nobodys/out"}
    sagemaker.create_training_job(**job(TrainingJobName="job-2", OutputDataConfig=output))
    assert over(emulator, "job-2")["FailureReason"].startswith("ClientError: Artifact upload")


def test_a_finished_job_cannot_be_stopped_and_an_unknown_one_not_described(
    emulator: Account,
) -> None:
    sagemaker = client(emulator, "sagemaker")
    client(emulator, "s3").create_bucket(Bucket=BUCKET)
    sagemaker.create_training_job(**job())
    over(emulator, "job-1")
    with pytest.raises(ClientError, match="is in status Completed"):
        sagemaker.stop_training_job(TrainingJobName="job-1")
    with pytest.raises(ClientError, match="Requested resource not found") as caught:
        sagemaker.describe_training_job(TrainingJobName="job-2")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_lists_come_in_pages_the_newest_first(emulator: Account) -> None:
    sagemaker = client(emulator, "sagemaker")
    names = [f"job-{number}" for number in range(5)]
    for name in names:
        sagemaker.create_training_job(**job(TrainingJobName=name))
    first = sagemaker.list_training_jobs(MaxResults=2, NameContains="job-")
    assert [each["TrainingJobName"] for each in first["TrainingJobSummaries"]] == names[:-3:-1]
    pages = sagemaker.get_paginator("list_training_jobs").paginate(PaginationConfig={"PageSize": 2})
    found = [each["TrainingJobName"] for page in pages for each in page["TrainingJobSummaries"]]
    assert found == names[::-1]


def test_tags_are_kept_changed_and_searched(emulator: Account) -> None:
    sagemaker = client(emulator, "sagemaker")
    tags = [{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "test"}]
    arn = sagemaker.create_training_job(**job(Tags=tags))["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "b"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["stage"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "b"}]
    search = client(emulator, "resourcegroupstaggingapi")
    wanted = [{"Key": "team", "Values": ["b"]}]
    found = search.get_resources(TagFilters=wanted)["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in found] == [arn]
    none = search.get_resources(TagFilters=[{"Key": "team", "Values": ["a"]}])
    assert none["ResourceTagMappingList"] == []
