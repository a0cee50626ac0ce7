"""The emulator refuses what the service refuses, in its words, to the real SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.store import AwsStore
from blocks.testing.waiting import until

ROLE = "arn:aws:iam::123456789012:role/jobs"
BUCKET = "plain"
KEY = "AKIASOMEBODY"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Account]:
    with launch.account(tmp_path / "aws", preloaded=True, grace=1.0) as account:
        yield account


def client(emulator: Account, service: str) -> Any:
    """Return a client as somebody makes it who never heard of us."""
    return boto3.client(
        service,
        endpoint_url=emulator.url,
        region_name=emulator.region,
        aws_access_key_id=KEY,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


def job(**changes: Any) -> dict[str, Any]:
    script = "import os; open('model/weights', 'w').write(os.environ['TRAINING_JOB_NAME'])"
    asked = {
        "TrainingJobName": "job-1",
        "AlgorithmSpecification": {
            "TrainingImage": "image",
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


def over(emulator: Account, name: str) -> dict[str, Any]:
    sagemaker = client(emulator, "sagemaker")

    def told() -> dict[str, Any]:
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return found

    until(lambda: told()["TrainingJobStatus"] not in ("InProgress", "Stopping"))
    return told()


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
        unchecked(emulator, "sagemaker").create_training_job(**job(**changes))
    assert caught.value.response["Error"]["Code"] == code
    assert words in caught.value.response["Error"]["Message"]
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []


def unchecked(emulator: Account, service: str) -> Any:
    """Return a client that sends what it is given."""
    return boto3.client(
        service,
        endpoint_url=emulator.url,
        region_name=emulator.region,
        aws_access_key_id=KEY,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


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
            AlgorithmSpecification={"TrainingImage": "xgboost:1", "TrainingInputMode": "File"},
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


def test_a_call_that_is_not_emulated_fails_and_is_remembered(emulator: Account) -> None:
    with pytest.raises(ClientError) as caught:
        client(emulator, "sagemaker").list_clusters()
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
    assert [each["call"] for each in emulator.unknown()] == ["sagemaker:ListClusters"]


@pytest.mark.parametrize(
    ("service", "call", "allowed"),
    [
        ("sagemaker", "list_training_jobs", "sagemaker:List*"),
        ("s3", "list_buckets", "s3:ListBuckets"),
        ("secretsmanager", "list_secrets", "secretsmanager:ListSecrets"),
        ("sts", "get_caller_identity", "sts:GetCallerIdentity"),
    ],
)
def test_what_the_policy_lacks_is_denied_by_every_protocol(
    emulator: Account, service: str, call: str, allowed: str
) -> None:
    emulator.pull("policy", key=KEY, actions=[])
    with pytest.raises(ClientError) as caught:
        getattr(client(emulator, service), call)()
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    assert allowed.partition(":")[0] in caught.value.response["Error"]["Message"]
    emulator.pull("policy", key=KEY, actions=[allowed])
    getattr(client(emulator, service), call)()


def test_an_unknown_fault_and_an_unknown_lever_are_refused(emulator: Account) -> None:
    with pytest.raises(ValueError, match="known: access-denied"):
        emulator.fault("no-such-fault")
    with pytest.raises(ValueError, match="no lever"):
        emulator.pull("no-such-lever")


def test_faults_strike_the_calls_they_name_so_many_times(emulator: Account) -> None:
    emulator.fault("throttling", call="s3:ListBuckets", times=2)
    s3, sagemaker = client(emulator, "s3"), client(emulator, "sagemaker")
    sagemaker.list_training_jobs()
    for _ in range(2):
        with pytest.raises(ClientError, match="Rate exceeded"):
            s3.list_buckets()
    s3.list_buckets()
    assert emulator.pull("faults") == []


def test_time_passes_as_it_is_told(emulator: Account) -> None:
    before = emulator.pull("now")
    emulator.advance(3600)
    assert emulator.pull("now") - before >= 3600
    emulator.pull("speed", speed=1e6)
    begin = emulator.pull("now")
    until(lambda: emulator.pull("now") > begin + 3600)


def test_an_account_in_a_process_of_its_own_ends_with_its_containers(tmp_path: Path) -> None:
    """Without the preloaded parent, as a rehearsal starts it."""
    forever = algorithm(ContainerArguments=["import time; time.sleep(600)"])
    with launch.account(tmp_path / "aws", region="eu-west-1") as account:
        assert account.region == "eu-west-1"
        sagemaker = client(account, "sagemaker")
        sagemaker.create_training_job(**job(AlgorithmSpecification=forever))
        until(account.running)
        folder = Path(account.running()[0]["folder"])
        assert folder.is_relative_to(tmp_path)
        pid = account.running()[0]["pid"]
    until(lambda: not Path(f"/proc/{pid}").exists(), within=10)


CALLER = """
import sys, time
from pathlib import Path
from blocks.providers.aws.emulator import launch
with launch.account(Path(sys.argv[1])) as account:
    print(account.url, flush=True)
    time.sleep(600)
"""


def test_whoever_rehearses_and_is_killed_leaves_no_account_and_no_container(
    tmp_path: Path,
) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert caller.stdout is not None
    assert caller.stdout.readline().startswith("http")
    account = Account(tmp_path, **json.loads((tmp_path / "emulator.json").read_text()))
    forever = algorithm(ContainerArguments=["import time; time.sleep(600)"])
    client(account, "sagemaker").create_training_job(**job(AlgorithmSpecification=forever))
    until(account.running)
    pids = [account.pid, account.running()[0]["pid"]]
    caller.kill()
    caller.communicate()
    until(lambda: not any(map(psutil.pid_exists, pids)), within=20)


def test_credentials_of_an_assumed_role_are_renewed_before_they_expire(emulator: Account) -> None:
    """A session of 15 minutes is always about to expire: no call may wait for its end."""
    sts = client(emulator, "sts")
    assert sts.get_caller_identity()["Account"] == "123456789012"
    account = AwsAccount(
        region=emulator.region,
        endpoint_url=emulator.url,
        access_key_id=KEY,
        secret_access_key="secret",
        assume_role_arn=ROLE,
        role_session_minutes=15,
    )
    sagemaker = account.client("sagemaker")
    for _ in range(3):
        sagemaker.list_training_jobs()
    assumed = emulator.calls("sts:AssumeRole")
    listed = emulator.calls("sagemaker:ListTrainingJobs")
    assert len(assumed) >= 3
    assert {each["key"] for each in assumed} == {KEY}
    assert all(each["key"].startswith("ASIA") for each in listed)
    assert len({each["key"] for each in listed}) > 1
    client(emulator, "s3").create_bucket(Bucket=BUCKET)
    client(emulator, "s3").put_object(Bucket=BUCKET, Key="object", Body=b"1")
    with AwsStore(account=account).open(f"s3://{BUCKET}/object") as reader:
        assert reader.read() == b"1"
    read = emulator.calls("s3:GetObject")
    assert read
    assert all(each["key"].startswith("ASIA") for each in read)
