"""Batch jobs in Vertex AI's words, and back. Pure: nothing is called here.

A custom job: unlike a batch prediction job it has spot machines, networks and a limit of time.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.aiplatform_v1.types import BatchPredictionJob, CustomJob, JobState, Scheduling

from blocks.cloud.batch_notes import Progress, Said
from blocks.contracts import BatchRequest, BatchResult, Failure, OperationStatus, Phase, Usage
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.errors import name_of
from blocks.providers.gcp.inside import PROJECT
from blocks.providers.gcp.machines import to_machine_spec
from blocks.providers.gcp.surroundings import encryption, surroundings
from blocks.providers.gcp.training_calls import is_over
from blocks.providers.gcp.variables import to_env

ASKED = "BLUEWATER_BATCH"  # URI of the request
KIND = "batch"  # label of these jobs: custom jobs are used for other work, too
WORDS = 64 * 1024  # bytes of what a container says last
POLL_AFTER = timedelta(seconds=15)
_COMMAND = ("python", "-m", "blocks.providers.gcp.score")
MARGIN = timedelta(minutes=5)  # the container keeps the limit itself; Vertex AI is the backstop
WAITING = frozenset({JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_PENDING})
_LOST = frozenset({"INTERNAL", "UNAVAILABLE", "ABORTED"})  # the machine's fault
_STOPPED = "CANCELLED"  # said by a container whose machine is taken, too


def to_batch_job(
    request: BatchRequest, token: str, *, account: GcpAccount, image: str, asked: str, disk_gb: int
) -> dict[str, Any]:
    """Say what is to be run; ``asked`` is where the request itself is written down."""
    env = {ASKED: asked, PROJECT: account.project_id, "BLUEWATER_GCP_KMS_KEY": account.kms_key}
    pool = {
        "replica_count": 1,
        "machine_spec": to_machine_spec(request.machine),
        "disk_spec": {"boot_disk_size_gb": disk_gb},
        "container_spec": {
            "image_uri": image,
            "command": list(_COMMAND),
            "env": to_env(env),
        },
    }
    spec = {"worker_pool_specs": [pool], "scheduling": _scheduling(request)}
    return {
        "display_name": account.named(token),
        "labels": account.marked(token=token, kind=KIND),
        "job_spec": {**spec, **surroundings(account)},
        **encryption(account),
    }


def said_of(asked: str) -> str:
    """Return where the last words of the job are whose request lies at the URI ``asked``."""
    return f"{asked.rpartition('/')[0]}/said.json"


def from_batch_job(
    job: CustomJob, request: BatchRequest, *, said: Said | None, progress: Progress | None
) -> OperationStatus[BatchResult]:
    """Return how a job is doing; ``said`` counts once Vertex AI is done with it."""
    phase, failure = _verdict(job, said)
    result = None
    if phase is Phase.SUCCEEDED:
        result = BatchResult(output_uri=request.output_uri, rows=said.rows if said else 0)
    share = progress.done / progress.of if progress and progress.of else None
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED),
        usage=_usage(job, request, said),
        progress=1.0 if phase is Phase.SUCCEEDED else share,
        poll_after=None if phase.done else POLL_AFTER,
    )


def _verdict(job: CustomJob, said: Said | None) -> tuple[Phase, Failure | None]:
    if not is_over(job):
        return (Phase.QUEUED if job.state in WAITING else Phase.RUNNING), None
    if job.state == JobState.JOB_STATE_SUCCEEDED:
        return Phase.SUCCEEDED, None
    if said is not None and said.code and said.code != _STOPPED:
        return Phase.FAILED, Failure(code=said.code, message=said.message)
    if _took_too_long(job):
        message = "it took too long; allow a longer max_duration"
        return Phase.FAILED, Failure(code="MAX_DURATION", message=message)
    if job.state == JobState.JOB_STATE_CANCELLED:
        return Phase.CANCELLED, Failure(code="CANCELLED", message="cancelled by request")
    return failed(job)


def failed(job: CustomJob | BatchPredictionJob) -> tuple[Phase, Failure]:
    """Sort a job that ended without a word by its status code."""
    code = name_of(job.error.code)
    failure = Failure(code=code, message=job.error.message or "look at its log")
    quota = any(each.type_url.endswith("google.rpc.QuotaFailure") for each in job.error.details)
    no_machine = code == "RESOURCE_EXHAUSTED" and not quota
    return (Phase.INTERRUPTED if no_machine or code in _LOST else Phase.FAILED), failure


def _took_too_long(job: CustomJob) -> bool:
    if "start_time" not in job or "end_time" not in job:
        return False
    ran: timedelta = job.end_time - job.start_time
    return bool(ran >= job.job_spec.scheduling.timeout)


def _scheduling(request: BatchRequest) -> dict[str, Any]:
    seconds = math.ceil((request.max_duration + MARGIN).total_seconds())
    strategy = Scheduling.Strategy.SPOT if request.spot else Scheduling.Strategy.STANDARD
    return {
        "timeout": timedelta(seconds=seconds),
        "strategy": strategy,
        "disable_retries": True,  # the next attempt is ours, and passes over what is done
    }


def _usage(job: CustomJob, request: BatchRequest, said: Said | None) -> Usage | None:
    if "start_time" not in job:
        return None
    ended = job.end_time if "end_time" in job else datetime.now(UTC)
    return Usage(
        machine=request.machine,
        seconds=max(0.0, (ended - job.start_time).total_seconds()),
        spot=request.spot,
        cpu_seconds=said.cpu_seconds if said else None,
        peak_memory_bytes=said.peak_memory_bytes if said else None,
    )
