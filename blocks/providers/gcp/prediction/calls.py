"""Batch prediction jobs in Vertex AI's words, and back. Pure: nothing is called here.

These jobs read no Parquet. What they are given is one line of JSON for each file of the data set,
which they share out among machines; our server on each of these reads the file, writes its
predictions beside the others, and answers how many rows it had. So no row is sent anywhere else,
and nothing is copied into JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.aiplatform_v1.types import BatchPredictionJob, JobState

from blocks.cloud.batch_notes import Said
from blocks.contracts import (
    BatchRequest,
    BatchResult,
    Failure,
    Frozen,
    Machines,
    OperationStatus,
    Phase,
    Usage,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.batch_calls import ASKED, MARGIN, POLL_AFTER, WAITING, failed
from blocks.providers.gcp.inside import PROJECT
from blocks.providers.gcp.machines import from_machine_spec, to_machine_spec
from blocks.providers.gcp.surroundings import encryption
from blocks.providers.gcp.training_calls import is_over
from blocks.providers.gcp.variables import to_env

KIND = "batch-prediction"  # label of these jobs
ROUTE, HEALTH = "/score", "/health"  # of our server
_COMMAND = ("python", "-m", "blocks.providers.gcp.prediction.serve")
_DONE = frozenset({JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_PARTIALLY_SUCCEEDED})


class File(Frozen):
    """One line of what a job is given."""

    uri: str
    name: str  # its path below the data set, and below the predictions


def to_batch_prediction_job(
    request: BatchRequest, token: str, *, account: GcpAccount, image: str, asked: str, replicas: int
) -> dict[str, Any]:
    """Say what is to be run; ``asked`` is where the request itself is written down."""
    env = {ASKED: asked, PROJECT: account.project_id, "BLUEWATER_GCP_KMS_KEY": account.kms_key}
    told: dict[str, Any] = {
        "display_name": account.named(token),
        "labels": account.marked(token=token, kind=KIND),
        "unmanaged_container_model": {
            "artifact_uri": request.model.uri.rstrip("/"),
            "container_spec": {
                "image_uri": image,
                "command": list(_COMMAND),
                "env": to_env(env),
                "predict_route": ROUTE,
                "health_route": HEALTH,
            },
        },
        "input_config": {
            "instances_format": "jsonl",
            "gcs_source": {"uris": [files_of(asked)]},
        },
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": f"{asked.rpartition('/')[0]}/answers"},
        },
        "dedicated_resources": {
            "machine_spec": to_machine_spec(request.machine),
            "starting_replica_count": replicas,
            "max_replica_count": replicas,  # these jobs do not scale
        },
        "manual_batch_tuning_parameters": {"batch_size": 1},
    }
    if account.service_account:
        told["service_account"] = account.service_account
    return {**told, **encryption(account)}


def files_of(asked: str) -> str:
    """Return where the job's lines are whose request lies at the URI ``asked``."""
    return f"{asked.rpartition('/')[0]}/files.jsonl"


def to_lines(files: Sequence[File]) -> bytes:
    """Return what a job is given."""
    return "".join(f"{each.model_dump_json()}\n" for each in files).encode()


def from_lines(content: bytes) -> Iterator[Said]:
    """Yield what our servers answered, from one file of a job's predictions."""
    for line in content.splitlines():
        yield Said.model_validate(json.loads(line)["prediction"])


def are_answers(name: str) -> bool:
    """Whether an object in a job's output holds predictions, and no errors or statistics."""
    return name.startswith("prediction") and "error" not in name


def is_overdue(job: BatchPredictionJob, request: BatchRequest, now: datetime) -> bool:
    """Whether a job runs, or ran, on after its servers should have ended it.

    It has no limit of its own; ``now`` counts for one that is not over.
    """
    if "start_time" not in job:
        return False
    ended = job.end_time if "end_time" in job else now
    return bool(ended - job.start_time >= request.max_duration + MARGIN)


def replicas_of(job: BatchPredictionJob) -> Machines:
    """Return what a job runs on."""
    resources = job.dedicated_resources
    return Machines(
        machine=from_machine_spec(resources.machine_spec), count=resources.starting_replica_count
    )


def from_batch_prediction_job(
    job: BatchPredictionJob, request: BatchRequest, answers: Sequence[Said], *, files: int
) -> OperationStatus[BatchResult]:
    """Return how a job is doing; ``answers`` count once Vertex AI is done with it."""
    phase, failure = _verdict(job, request, answers, files)
    result = None
    if phase is Phase.SUCCEEDED:
        rows = sum(each.rows for each in answers)
        result = BatchResult(output_uri=request.output_uri, rows=rows)
    done = job.completion_stats.successful_count / files if files else None
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED),
        usage=_usage(job, answers),
        progress=1.0 if phase is Phase.SUCCEEDED else done,
        poll_after=None if phase.done else POLL_AFTER,
    )


def _verdict(
    job: BatchPredictionJob, request: BatchRequest, answers: Sequence[Said], files: int
) -> tuple[Phase, Failure | None]:
    if not is_over(job):
        return (Phase.QUEUED if job.state in WAITING else Phase.RUNNING), None
    wrong = next((each for each in answers if each.code), None)
    if wrong is not None:
        return Phase.FAILED, Failure(code=wrong.code, message=wrong.message)
    if job.state in _DONE:
        return _complete(job, len(answers), files)
    if job.state == JobState.JOB_STATE_CANCELLED:
        if is_overdue(job, request, job.update_time):
            message = "it took too long; allow a longer max_duration"
            return Phase.FAILED, Failure(code="MAX_DURATION", message=message)
        return Phase.CANCELLED, Failure(code="CANCELLED", message="cancelled by request")
    return failed(job)


def _complete(job: BatchPredictionJob, answered: int, files: int) -> tuple[Phase, Failure | None]:
    """Return a success only where every file was answered for."""
    if answered >= files:
        return Phase.SUCCEEDED, None
    said = "; ".join(each.message for each in job.partial_failures)
    message = f"{files - answered} of {files} files were not answered for: {said or 'see its log'}"
    return Phase.FAILED, Failure(code="PARTIAL", message=message)


def _usage(job: BatchPredictionJob, answers: Sequence[Said]) -> Usage | None:
    if "start_time" not in job:
        return None
    ended = job.end_time if "end_time" in job else datetime.now(UTC)
    machines = replicas_of(job)
    wall = max(timedelta(0), ended - job.start_time).total_seconds()
    told = job.resources_consumed.replica_hours * 3600
    return Usage(
        machine=machines.machine,
        seconds=wall * machines.count,
        billed_seconds=told if is_over(job) and told else None,
        cpu_seconds=sum(each.cpu_seconds for each in answers) if answers else None,
        peak_memory_bytes=max((each.peak_memory_bytes for each in answers), default=None),
    )
