"""Machines that are kept for the next job, as the service keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.providers.aws.emulator import launch
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until
from tests.unit.aws.emulator.callers import BUCKET, client, job, over

HOUR = 3600  # until a machine is there, so that nobody gets one unless it waits already


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Account]:
    with launch.account(tmp_path / "aws", preloaded=True, provisioning=HOUR) as account:
        yield account


def asked(name: str, *, keep: int = 600, **machines: Any) -> dict[str, Any]:
    told = {**job()["ResourceConfig"], "KeepAlivePeriodInSeconds": keep, **machines}
    return job(TrainingJobName=name, ResourceConfig=told)


def pool(sagemaker: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)["WarmPoolStatus"]
    return found


def test_the_next_job_of_the_same_kind_goes_on_with_the_machines(emulator: Account) -> None:
    sagemaker = client(emulator, "sagemaker")
    client(emulator, "s3").create_bucket(Bucket=BUCKET)
    sagemaker.create_training_job(**asked("first"))
    assert pool(sagemaker, "first") == {"Status": "InUse"}
    emulator.advance(HOUR)
    over(emulator, "first")
    assert pool(sagemaker, "first")["Status"] == "Available"
    sagemaker.create_training_job(**asked("other", InstanceType="ml.m5.xlarge"))
    emulator.advance(60)
    sagemaker.create_training_job(**asked("second", keep=0))
    assert over(emulator, "second")["TrainingJobStatus"] == "Completed"
    told = pool(sagemaker, "first")
    assert (told["Status"], told["ReusedByJob"]) == ("Reused", "second")
    assert 60 <= told["ResourceRetainedBillableTimeInSeconds"] < 600
    waiting = sagemaker.describe_training_job(TrainingJobName="other")
    assert waiting["SecondaryStatus"] == "Starting"
    assert "WarmPoolStatus" not in sagemaker.describe_training_job(TrainingJobName="second")


def test_machines_that_nobody_took_in_time_are_gone(emulator: Account) -> None:
    sagemaker = client(emulator, "sagemaker")
    client(emulator, "s3").create_bucket(Bucket=BUCKET)
    sagemaker.create_training_job(**asked("first"))
    emulator.advance(HOUR)
    over(emulator, "first")
    emulator.advance(601)
    assert pool(sagemaker, "first") == {
        "Status": "Terminated",
        "ResourceRetainedBillableTimeInSeconds": 600,
    }
    sagemaker.create_training_job(**asked("late"))
    until(
        lambda: (
            sagemaker.describe_training_job(TrainingJobName="late")["SecondaryStatus"] == "Starting"
        )
    )
    assert pool(sagemaker, "late") == {"Status": "InUse"}
    emulator.advance(HOUR)
    over(emulator, "late")
