"""What a processing job tells, in our words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.cloud.batch_notes import Said
from blocks.contracts import BatchRequest, ModelVersion, Phase
from blocks.providers.aws.batch_calls import from_describe_processing_job

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = BatchRequest(
    model=ModelVersion(name="m", version="1", uri="s3://b/m", digest="0" * 64),
    data_uri="s3://b/data",
    output_uri="s3://b/scores",
    machine="ml.m5.large",
)


def job(status: str, *, seconds: int = 60, **told: Any) -> dict[str, Any]:
    return {
        "ProcessingJobStatus": status,
        "ProcessingStartTime": BEGAN,
        "ProcessingEndTime": BEGAN + timedelta(seconds=seconds),
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **told,
    }


@pytest.mark.parametrize(
    ("described", "phase", "code"),
    [
        (job("Failed", FailureReason="InternalServerError: try again"), "interrupted", "Internal"),
        (job("Failed", FailureReason="CapacityError: no machine"), "interrupted", "Capacity"),
        (job("Failed", FailureReason="ClientError: no data"), "failed", "ClientError"),
        (job("Failed", FailureReason="it broke"), "failed", "FAILED"),
        (job("Stopped"), "cancelled", "CANCELLED"),
        (job("Stopped", seconds=600), "failed", "MAX_DURATION"),
    ],
)
def test_the_end_of_a_job_without_words_is_told_by_its_code(
    described: dict[str, Any], phase: str, code: str
) -> None:
    status = from_describe_processing_job(described, REQUEST, None)
    assert status.phase is Phase(phase)
    assert status.failure is not None
    assert status.failure.code.startswith(code)


def test_a_job_that_waits_for_its_machine_is_queued() -> None:
    waiting = {"ProcessingJobStatus": "InProgress"}
    assert from_describe_processing_job(waiting, REQUEST, None).phase is Phase.QUEUED


def test_words_that_are_too_long_are_cut_and_stay_readable() -> None:
    said = Said(code="ValueError", message='"ü\n' * 2000, rows=3)
    text = said.to_message(1024)
    assert len(text.encode()) <= 1024
    kept = Said.model_validate_json(text)
    assert (kept.code, kept.rows) == ("ValueError", 3)
    assert said.message.startswith(kept.message)
    assert kept.message
