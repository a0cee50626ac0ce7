"""The exact calls of training, readable as documentation."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import pytest
from botocore.validate import ParamValidator

from blocks.contracts import InvalidRequest, TrainingRequest, Unsupported
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.frameworks import address_of
from blocks.providers.aws.training_calls import (
    Options,
    to_create_training_job,
)

TOKEN = "0123456789abcdef0123456789abcdef"


def account(**changes: Any) -> AwsAccount:
    settings: dict[str, Any] = {
        "region": "eu-central-1",
        "role_arn": "arn:aws:iam::123456789012:role/bluewater-jobs",
        "bucket": "models",
        "owner": "team-a",
        "subnets": (),
        "security_groups": (),
        "kms_key": "",
    }
    return AwsAccount(**{**settings, **changes})


def request(**changes: Any) -> TrainingRequest:
    asked: dict[str, Any] = {
        "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/trainer:1",
        "source_uri": "s3://models/code",
        "command": ("python", "train.py", "--fast"),
        "parameters": {"rounds": "7", "note": "two\nlines", "quote": '"said"'},
        "env": {"LEVEL": "info"},
        "secrets": {"API_KEY": "prod/api-key"},
        "machine": "ml.m5.large",
        "spot": True,
        "data_uri": "s3://models/data",
        "checkpoint_uri": "s3://models/checkpoints",
        "output_uri": "s3://models/output",
        "max_duration": timedelta(hours=2),
    }
    return TrainingRequest(**{**asked, **changes})


def options(**changes: Any) -> Options:
    settings: dict[str, Any] = {
        "image": "",
        "spot_wait": timedelta(hours=6),
        "volume_gb": 50,
        "warm_pool": timedelta(0),
        "encrypt_between_nodes": False,
    }
    return Options(**{**settings, **changes})


def call(
    asked: TrainingRequest | None = None, of: AwsAccount | None = None, **changes: Any
) -> dict[str, Any]:
    return to_create_training_job(
        asked or request(), TOKEN, account=of or account(), options=options(**changes)
    )


def channel(name: str, uri: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": uri,
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def test_the_call_of_a_spot_job_is_this() -> None:
    name = account().named(TOKEN)
    assert call() == {
        "TrainingJobName": name,
        "RoleArn": "arn:aws:iam::123456789012:role/bluewater-jobs",
        "AlgorithmSpecification": {
            "TrainingImage": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/trainer:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python", "-m", "blocks.workload.start"],
            "ContainerArguments": ["python", "train.py", "--fast"],
            "MetricDefinitions": [
                {"Name": "bluewater:progress", "Regex": r"^\[bluewater\] progress=([0-9.]+)"}
            ],
        },
        "HyperParameters": {
            "rounds": "7",
            "note": '"two\\nlines"',
            "quote": '"\\"said\\""',
        },
        "Environment": {
            "LEVEL": "info",
            "BLUEWATER_TOKEN": TOKEN,
            "BLUEWATER_OUTPUT_URI": f"s3://models/output/{name}/output/model",
            "BLUEWATER_PROGRESS": "-",
            "BLUEWATER_SECRETS": "API_KEY",
            "BLUEWATER_SECRETS_FROM": '{"API_KEY":"prod/api-key"}',
        },
        "InputDataConfig": [
            channel("source", "s3://models/code/"),
            channel("training", "s3://models/data/"),
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://models/output", "CompressionType": "NONE"},
        "CheckpointConfig": {"S3Uri": "s3://models/checkpoints"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 50,
        },
        "StoppingCondition": {
            "MaxRuntimeInSeconds": 7200,
            "MaxWaitTimeInSeconds": 7200 + 6 * 3600,
        },
        "EnableManagedSpotTraining": True,
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "Tags": [
            {"Key": "bluewater:owner", "Value": "team-a"},
            {"Key": "bluewater:token", "Value": TOKEN},
        ],
    }


VARIED: dict[str, dict[str, Any]] = {
    "spot": call(),
    "on demand, kept warm": call(request(spot=False), warm_pool=timedelta(minutes=30)),
    "in a network of ours, encrypted": call(
        of=account(
            subnets=("subnet-1",),
            security_groups=("sg-1",),
            kms_key="arn:aws:kms:eu-central-1:123456789012:key/1",
            network_isolation=True,
        ),
        encrypt_between_nodes=True,
    ),
    "on Trainium": call(request(machine="ml.trn1.2xlarge")),
    "the least there is": call(request(parameters={}, env={}, secrets={}, spot=False)),
}


@pytest.mark.parametrize("kind", VARIED)
def test_every_call_keeps_to_the_services_model(kind: str) -> None:
    model = shapes.operation("sagemaker", "CreateTrainingJob")
    assert model is not None
    report = ParamValidator().validate(VARIED[kind], model.input_shape)
    assert not report.has_errors(), report.generate_report()
    shapes.check_request(model, VARIED[kind])


def test_the_check_of_calls_finds_what_the_sdk_lets_pass() -> None:
    model = shapes.operation("sagemaker", "CreateTrainingJob")
    assert model is not None
    with pytest.raises(AwsError, match="trainingJobName"):
        shapes.check_request(model, {**VARIED["spot"], "TrainingJobName": "under_score"})


def test_networks_keys_and_warm_machines_are_asked_for_only_where_they_are_wanted() -> None:
    ours = VARIED["in a network of ours, encrypted"]
    assert ours["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    key = "arn:aws:kms:eu-central-1:123456789012:key/1"
    assert ours["OutputDataConfig"]["KmsKeyId"] == key
    assert ours["ResourceConfig"]["VolumeKmsKeyId"] == key
    assert ours["EnableNetworkIsolation"] is True
    assert ours["EnableInterContainerTrafficEncryption"] is True
    assert "VpcConfig" not in VARIED["spot"]
    warm = VARIED["on demand, kept warm"]["ResourceConfig"]
    assert warm["KeepAlivePeriodInSeconds"] == 1800
    assert "KeepAlivePeriodInSeconds" not in call(warm_pool=timedelta(hours=1))["ResourceConfig"]


def test_one_object_as_data_is_named_to_the_code() -> None:
    made = to_create_training_job(
        request(data_uri="s3://models/rows.parquet"),
        TOKEN,
        account=account(),
        options=options(),
        data_is_object=True,
    )
    assert made["InputDataConfig"][1] == channel("training", "s3://models/rows.parquet")
    told = made["Environment"]["BLUEWATER_DATA"]
    assert told == "/opt/ml/input/data/training/rows.parquet"


def test_owners_never_share_a_name() -> None:
    names = {account(owner=owner).named(TOKEN) for owner in ("team-a", "team-b")}
    assert len(names) == 2
    assert all(len(name) <= 63 for name in names)


def test_an_image_without_the_kit_gets_it_as_a_channel() -> None:
    made = call(kit="s3://models/bluewater/kit/0a.zip")
    assert [each["ChannelName"] for each in made["InputDataConfig"]] == [
        "source",
        "training",
        "kit",
    ]
    assert made["Environment"]["PYTHONPATH"] == "/opt/ml/input/data/kit/0a.zip"


def test_the_image_of_a_framework_takes_the_sdk_that_knows_it() -> None:
    told = {"region": "us-east-1", "machine": "ml.m5.large"}
    with pytest.raises(InvalidRequest, match="framework and its version"):
        address_of("sagemaker:pytorch", **told)
    if find_spec("sagemaker") is None:
        with pytest.raises(Unsupported, match=r"bluewater\[sagemaker\]"):
            address_of("sagemaker:pytorch:2.3:py311", **told)
