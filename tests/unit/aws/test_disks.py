"""Keys of one's own are for disks beside a machine; SageMaker refuses them for disks inside."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import (
    OperationRef,
    RunKey,
    TrainingRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.batch import SageMakerBatch
from blocks.providers.aws.disks import has_own_disk, volume_key
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoint_levers import IMAGE
from blocks.providers.aws.training import SageMakerTraining

KEY = RunKey(run="run-1", step="train")
KMS = "arn:aws:kms:us-east-1:123456789012:key/1"
INSIDE, BESIDE = "ml.g5.xlarge", "ml.m5.large"


@pytest.mark.parametrize(
    "machine",
    [
        *("ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6e.xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge"),
        *("ml.trn1.2xlarge", "ml.m5d.large", "ml.c6id.large", "ml.r5dn.large", "ml.p3dn.24xlarge"),
    ],
)
def test_a_disk_inside_a_machine_takes_no_key(machine: str) -> None:
    assert has_own_disk(machine)
    assert volume_key(machine, KMS) == {}


@pytest.mark.parametrize(
    "machine", ["ml.m5.large", "ml.c5.xlarge", "ml.p3.2xlarge", "ml.inf1.xlarge", "ml.inf2.xlarge"]
)
def test_a_disk_beside_a_machine_takes_one(machine: str) -> None:
    assert not has_own_disk(machine)
    assert volume_key(machine, KMS) == {"VolumeKmsKeyId": KMS}
    assert volume_key(machine, "") == {}


@pytest.fixture
def encrypted(account: AwsAccount) -> AwsAccount:
    return account.model_copy(update={"kms_key": KMS})


def on(asked: TrainingRequest, machine: str) -> TrainingRequest:
    return asked.model_copy(update={"machine": machine, "spot": False})


def test_jobs_on_both_kinds_of_machines_are_taken(
    bench: Any, encrypted: AwsAccount, emulator: Account
) -> None:
    jobs = SageMakerTraining(account=encrypted)
    for machine in (INSIDE, BESIDE):
        ref: OperationRef = jobs.submit(on(bench.training_request(), machine), key=KEY)
        jobs.cancel(ref)
    batch = SageMakerBatch(account=encrypted, image=IMAGE)
    batch.submit(bench.batch_request(10).model_copy(update={"machine": INSIDE}), key=KEY)
    told = [
        each["request"]["ResourceConfig"] for each in emulator.calls("sagemaker:CreateTrainingJob")
    ]
    assert ["VolumeKmsKeyId" in each for each in told] == [False, True]
    [scored] = emulator.calls("sagemaker:CreateProcessingJob")
    assert "VolumeKmsKeyId" not in scored["request"]["ProcessingResources"]["ClusterConfig"]
