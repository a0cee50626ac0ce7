"""Batch prediction jobs: what is asked for, what an answer means, and several machines at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import BatchPredictionJob, JobState
from google.rpc import code_pb2, status_pb2

from blocks.cloud.batch_notes import Said
from blocks.contracts import (
    BatchInference,
    BatchRequest,
    BatchResult,
    Inventory,
    ModelVersion,
    OperationStatus,
    Phase,
    RunKey,
    Unsupported,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.endpoint_levers import IMAGE
from blocks.providers.gcp.prediction.batch import VertexBatchPrediction
from blocks.providers.gcp.prediction.calls import (
    are_answers,
    from_batch_prediction_job,
    from_lines,
    is_overdue,
    to_batch_prediction_job,
)
from blocks.testing.waiting import until

MODEL = ModelVersion(name="m", version="3", uri="gs://bucket/m", digest="0" * 64)
REQUEST = BatchRequest(
    model=MODEL,
    data_uri="gs://bucket/rows",
    output_uri="gs://bucket/scored",
    machine="n1-standard-4",
    max_duration=timedelta(hours=1),
)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
KEY = RunKey(run="run-1", step="score")
ACCOUNT = GcpAccount(
    project="p", bucket="bucket", owner="me", kms_key="", network="", service_account=""
)


def job(state: JobState, *, code: int = 0, minutes: float = 2.0) -> BatchPredictionJob:
    asked = to_batch_prediction_job(
        REQUEST, "t", account=ACCOUNT, image="i", asked="gs://b/t/request.json", replicas=2
    )
    found = BatchPredictionJob(asked)
    found.state, found.start_time = state, BEGAN
    found.end_time = found.update_time = BEGAN + timedelta(minutes=minutes)
    found.error = status_pb2.Status(code=code, message="words")
    return found


def told(found: BatchPredictionJob, *answers: Said, files: int = 1) -> OperationStatus[BatchResult]:
    return from_batch_prediction_job(found, REQUEST, answers, files=files)


@pytest.mark.parametrize(
    ("state", "code", "phase"),
    [
        (JobState.JOB_STATE_QUEUED, 0, Phase.QUEUED),
        (JobState.JOB_STATE_PENDING, 0, Phase.QUEUED),
        (JobState.JOB_STATE_RUNNING, 0, Phase.RUNNING),
        (JobState.JOB_STATE_CANCELLING, 0, Phase.RUNNING),
        (JobState.JOB_STATE_CANCELLED, 0, Phase.CANCELLED),
        (JobState.JOB_STATE_FAILED, code_pb2.INVALID_ARGUMENT, Phase.FAILED),
        (JobState.JOB_STATE_FAILED, code_pb2.INTERNAL, Phase.INTERRUPTED),
        (JobState.JOB_STATE_FAILED, code_pb2.RESOURCE_EXHAUSTED, Phase.INTERRUPTED),
    ],
)
def test_states_mean_phases(state: JobState, code: int, phase: Phase) -> None:
    assert told(job(state, code=code)).phase is phase


def test_a_success_of_the_service_is_one_only_if_every_file_was_answered_for() -> None:
    done, one = job(JobState.JOB_STATE_SUCCEEDED), Said(rows=7, cpu_seconds=1.5)
    status = told(done, one, one, files=2)
    assert status.result == BatchResult(output_uri="gs://bucket/scored", rows=14)
    assert status.usage is not None
    assert (status.usage.seconds, status.usage.cpu_seconds) == (240.0, 3.0)
    failure = told(done, one, files=2).failure
    assert failure is not None
    assert failure.code == "PARTIAL"
    said = told(done, one, Said(code="DIGEST", message="another model"), files=2)
    assert (said.phase, said.result) == (Phase.FAILED, None)
    assert said.failure is not None
    assert said.failure.code == "DIGEST"


def test_what_goes_on_for_too_long_is_overdue_and_was_when_it_was_stopped() -> None:
    for minutes, overdue in ((64, False), (65, True)):
        stopped = job(JobState.JOB_STATE_CANCELLED, minutes=minutes)
        assert is_overdue(stopped, REQUEST, BEGAN) is overdue
        failure = told(stopped).failure
        assert failure is not None
        assert failure.code == ("MAX_DURATION" if overdue else "CANCELLED")


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("prediction.results-00000-of-00001", True),
        ("predictions_0001.jsonl", True),
        ("prediction.errors_stats-00000-of-00001", False),
        ("errors_0001.jsonl", False),
    ],
)
def test_answers_are_told_from_errors_by_the_names_of_files(name: str, answers: bool) -> None:
    assert are_answers(name) is answers


def test_a_line_of_predictions_has_an_answer_of_ours() -> None:
    line = {"instance": {"uri": "gs://b/a", "name": "a"}, "prediction": {"rows": 3}}
    assert list(from_lines(json.dumps(line).encode())) == [Said(rows=3)]


def test_machines_share_the_files_and_the_inventory_has_all_of_them(
    bench: Any, account: GcpAccount
) -> None:
    jobs = VertexBatchPrediction(account=account.model_copy(), image=IMAGE, replicas=2)
    request = bench.batch_request(200)
    ref = jobs.submit(request, key=KEY)
    [made] = account.client(JobServiceClient).list_batch_prediction_jobs(parent=account.parent)
    assert made.dedicated_resources.starting_replica_count == 2
    until(lambda: jobs.status(ref).phase.done)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    assert status.result is not None
    assert status.result.rows == 200
    [found] = [each for each in bench.connect(Inventory).owned() if each.id == ref.id]
    assert (found.kind, found.running) == ("batch-job", False)
    bench.settle(custom := bench.connect(BatchInference).submit(request, key=KEY))
    assert custom.token == ref.token  # the same question, asked of jobs of another kind
    assert custom.id != ref.id
    bench.emulator.fault("stuck-deploying")
    other = jobs.submit(request, key=KEY.next())
    inventory = bench.connect(Inventory)
    [running] = [each for each in inventory.owned() if each.id == other.id]
    [machines] = running.machines
    assert (machines.machine, machines.count) == (request.machine, 2)
    assert running.output_uri == request.output_uri
    inventory.remove(running)
    assert jobs.status(other).phase is Phase.CANCELLED


@pytest.mark.parametrize(
    "where", [{"network": "projects/1/global/networks/n"}, {"network_attachment": "a"}]
)
def test_a_network_of_yours_is_refused_before_any_call(where: dict[str, str]) -> None:
    account = ACCOUNT.model_copy(update=where)
    jobs = VertexBatchPrediction(account=account, image=IMAGE)
    with pytest.raises(Unsupported, match="gcp-batch"):
        jobs.submit(REQUEST, key=KEY)
