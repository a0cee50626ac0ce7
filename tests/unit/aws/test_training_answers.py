"""What descriptions of training jobs mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.contracts import Phase
from blocks.providers.aws.training_calls import from_describe_training_job
from blocks.workload import Outcome

NAME = "bluewater-5a3a8a6e-0123456789abcdef0123456789abcdef"


def described(**changes: Any) -> dict[str, Any]:
    job = {
        "TrainingJobName": NAME,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Training",
        "SecondaryStatusTransitions": [],
        "OutputDataConfig": {"S3OutputPath": "s3://models/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "EnableManagedSpotTraining": False,
    }
    return {**job, **changes}


@pytest.mark.parametrize(
    ("status", "secondary", "phase", "code"),
    [
        ("InProgress", "Starting", Phase.QUEUED, ""),
        ("InProgress", "Pending", Phase.QUEUED, ""),
        ("InProgress", "Downloading", Phase.QUEUED, ""),
        ("InProgress", "Training", Phase.RUNNING, ""),
        ("InProgress", "Interrupted", Phase.RUNNING, ""),
        ("InProgress", "Uploading", Phase.RUNNING, ""),
        ("Stopping", "Stopping", Phase.RUNNING, ""),
        ("Stopped", "Stopped", Phase.CANCELLED, "CANCELLED"),
        ("Stopped", "MaxRuntimeExceeded", Phase.FAILED, "MAX_DURATION"),
        ("Stopped", "MaxWaitTimeExceeded", Phase.INTERRUPTED, "MAX_WAIT"),
        ("Completed", "Completed", Phase.FAILED, "NO_OUTCOME"),
    ],
)
def test_states_mean_phases(status: str, secondary: str, phase: Phase, code: str) -> None:
    job = described(TrainingJobStatus=status, SecondaryStatus=secondary)
    told = from_describe_training_job(job, None)
    assert told.phase is phase
    assert (told.failure.code if told.failure else "") == code
    assert (told.poll_after is None) == phase.done


@pytest.mark.parametrize(
    ("reason", "phase", "code"),
    [
        ("AlgorithmError: ValueError: NaN, exit code: 1", Phase.FAILED, "AlgorithmError"),
        ("ClientError: Data download failed: nothing there", Phase.FAILED, "ClientError"),
        ("InternalServerError: We encountered an error.", Phase.INTERRUPTED, "InternalServerError"),
        ("CapacityError: Unable to provision capacity.", Phase.INTERRUPTED, "CapacityError"),
        ("words without a code", Phase.FAILED, "UNKNOWN"),
        ("", Phase.FAILED, "UNKNOWN"),
    ],
)
def test_reasons_mean_who_is_to_blame(reason: str, phase: Phase, code: str) -> None:
    job = described(TrainingJobStatus="Failed", SecondaryStatus="Failed", FailureReason=reason)
    told = from_describe_training_job(job, None, "last line")
    assert told.phase is phase
    assert told.failure is not None
    assert told.failure.code == code
    assert told.failure.message == f"{reason}\nlast line".strip()
    assert told.interruptions == (code == "InternalServerError")


def test_a_job_that_came_to_its_end_before_it_was_stopped_has_succeeded() -> None:
    outcome = Outcome(ok=True, model_uri="s3://models/m", digest="d", metrics={"auc": 0.9})
    job = described(TrainingJobStatus="Stopped", SecondaryStatus="MaxRuntimeExceeded")
    told = from_describe_training_job(job, outcome)
    assert told.phase is Phase.SUCCEEDED
    assert told.result is not None
    assert told.result.model_uri == "s3://models/m"


def test_time_is_told_of_all_machines_and_interruptions_are_counted() -> None:
    moves = [{"Status": each} for each in ("Starting", "Training", "Interrupted", "Training")]
    job = described(
        TrainingJobStatus="Completed",
        SecondaryStatus="Completed",
        SecondaryStatusTransitions=moves,
        TrainingTimeInSeconds=500,
        BillableTimeInSeconds=100,
        EnableManagedSpotTraining=True,
    )
    told = from_describe_training_job(job, Outcome(ok=True))
    assert told.interruptions == 1
    assert told.usage is not None
    assert (told.usage.seconds, told.usage.billed_seconds) == (1000, 200)
    assert told.usage.spot
    assert told.usage.discounted, "what is billed of spot time is at the price on demand"


def test_time_goes_on_while_a_job_runs() -> None:
    began = datetime.now(UTC) - timedelta(seconds=30)
    told = from_describe_training_job(described(TrainingStartTime=began), None).usage
    assert told is not None
    assert told.seconds >= 60
    assert told.billed_seconds is None
    assert from_describe_training_job(described(), None).usage is None


def test_progress_is_read_from_the_metric_that_the_kit_prints() -> None:
    metrics = [
        {"MetricName": "loss", "Value": 3.0},
        {"MetricName": "bluewater:progress", "Value": 0.25},
    ]
    assert from_describe_training_job(described(FinalMetricDataList=metrics), None).progress == 0.25
    assert from_describe_training_job(described(), None).progress is None
