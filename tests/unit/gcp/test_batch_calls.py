"""Batch jobs in Vertex AI's words: what is asked for, and what an answer means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.aiplatform_v1.types import CustomJob, JobState, Scheduling
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2

from blocks.cloud.batch_notes import Progress, Said
from blocks.contracts import BatchRequest, ModelVersion, OperationStatus, Phase
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.batch_calls import from_batch_job, to_batch_job

MODEL = ModelVersion(name="m", version="3", uri="gs://bucket/m", digest="0" * 64)
REQUEST = BatchRequest(
    model=MODEL,
    data_uri="gs://bucket/rows",
    output_uri="gs://bucket/scored",
    machine="n1-standard-4",
    max_duration=timedelta(hours=1),
)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = GcpAccount(project="p", bucket="bucket", owner="me", kms_key="", network="")


def job(state: JobState, *, code: int = 0, minutes: float = 2.0, quota: bool = False) -> CustomJob:
    asked = to_batch_job(REQUEST, "t", account=ACCOUNT, image="i", asked="gs://b/r", disk_gb=100)
    found = CustomJob(asked)
    found.state, found.start_time = state, BEGAN
    found.end_time = BEGAN + timedelta(minutes=minutes)
    details = []
    if quota:
        packed = AnyMessage()
        packed.Pack(error_details_pb2.QuotaFailure())
        details = [packed]
    found.error = status_pb2.Status(code=code, message="words", details=details)
    return found


def told(found: CustomJob, said: Said | None = None) -> OperationStatus[object]:
    return from_batch_job(found, REQUEST, said=said, progress=None)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("state", "code", "phase"),
    [
        (JobState.JOB_STATE_QUEUED, 0, Phase.QUEUED),
        (JobState.JOB_STATE_PENDING, 0, Phase.QUEUED),
        (JobState.JOB_STATE_RUNNING, 0, Phase.RUNNING),
        (JobState.JOB_STATE_CANCELLING, 0, Phase.RUNNING),
        (JobState.JOB_STATE_SUCCEEDED, 0, Phase.SUCCEEDED),
        (JobState.JOB_STATE_CANCELLED, 0, Phase.CANCELLED),
        (JobState.JOB_STATE_FAILED, code_pb2.INVALID_ARGUMENT, Phase.FAILED),
        (JobState.JOB_STATE_FAILED, code_pb2.INTERNAL, Phase.INTERRUPTED),
        (JobState.JOB_STATE_FAILED, code_pb2.RESOURCE_EXHAUSTED, Phase.INTERRUPTED),
    ],
)
def test_states_mean_phases(state: JobState, code: int, phase: Phase) -> None:
    assert told(job(state, code=code)).phase is phase


def test_a_quota_is_a_failure_and_no_interruption() -> None:
    found = job(JobState.JOB_STATE_FAILED, code=code_pb2.RESOURCE_EXHAUSTED, quota=True)
    assert told(found).phase is Phase.FAILED


def test_what_the_container_said_is_the_failure() -> None:
    found = job(JobState.JOB_STATE_FAILED, code=code_pb2.INVALID_ARGUMENT)
    failure = told(found, Said(code="DIGEST", message="not what was registered")).failure
    assert failure is not None
    assert (failure.code, failure.message) == ("DIGEST", "not what was registered")


def test_a_container_that_was_stopped_does_not_say_why() -> None:
    taken = job(JobState.JOB_STATE_FAILED, code=code_pb2.RESOURCE_EXHAUSTED)
    assert told(taken, Said(code="CANCELLED")).phase is Phase.INTERRUPTED
    cancelled = job(JobState.JOB_STATE_CANCELLED)
    assert told(cancelled, Said(code="CANCELLED")).phase is Phase.CANCELLED


def test_vertex_ai_ends_what_does_not_end_itself() -> None:
    failure = told(job(JobState.JOB_STATE_CANCELLED, minutes=65)).failure
    assert failure is not None
    assert failure.code == "MAX_DURATION"


def test_progress_is_the_share_of_the_files() -> None:
    running = job(JobState.JOB_STATE_RUNNING)
    status = from_batch_job(running, REQUEST, said=None, progress=Progress(done=1, of=4))
    assert status.progress == 0.25


def test_spot_is_asked_for_and_counted() -> None:
    request = REQUEST.model_copy(update={"spot": True})
    asked = to_batch_job(request, "t", account=ACCOUNT, image="i", asked="gs://b/r", disk_gb=100)
    found = CustomJob(asked)
    assert found.job_spec.scheduling.strategy == Scheduling.Strategy.SPOT
    found.state, found.start_time = JobState.JOB_STATE_RUNNING, BEGAN
    usage = from_batch_job(found, request, said=None, progress=None).usage
    assert usage is not None
    assert usage.spot
