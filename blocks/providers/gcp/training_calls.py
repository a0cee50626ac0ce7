"""Training in Vertex AI's words, and Vertex AI's words in ours. Pure: no call is made here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.aiplatform_v1.types import (
    BatchPredictionJob,
    CustomJob,
    CustomJobSpec,
    HyperparameterTuningJob,
    JobState,
    Scheduling,
)
from google.rpc import status_pb2

from blocks.contracts import (
    Failure,
    Machines,
    OperationStatus,
    Phase,
    TrainingRequest,
    TrainingResult,
    Usage,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.errors import name_of
from blocks.providers.gcp.job_environment import environment, output_place
from blocks.providers.gcp.machines import from_machine_spec, to_machine_spec
from blocks.providers.gcp.surroundings import encryption, surroundings
from blocks.providers.gcp.variables import to_env
from blocks.workload import Outcome

KIND_LABEL, TRAINING = "bluewater-kind", "training"  # custom jobs are used for other work, too
STUDY = "study"
POLL_AFTER = timedelta(seconds=10)

_START = ("python", "-m", "blocks.workload.vertex")
_WAITING = frozenset({JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_PENDING})
_ENDED = frozenset(
    {
        JobState.JOB_STATE_SUCCEEDED,
        JobState.JOB_STATE_PARTIALLY_SUCCEEDED,
        JobState.JOB_STATE_FAILED,
        JobState.JOB_STATE_CANCELLED,
        JobState.JOB_STATE_EXPIRED,
    }
)
_EXHAUSTED = "RESOURCE_EXHAUSTED"
_TAKEN = frozenset({"INTERNAL", "UNAVAILABLE", "ABORTED"})  # the machine's fault, not the code's


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a training block is set to, beyond the request."""

    image: str
    boot_disk_gb: int
    restart: bool
    failed_trials: int = 3  # of a study, until it is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a job left in its output place, beside the model."""

    outcome: Outcome | None = None
    starts: int = 0
    progress: float | None = None
    last_lines: str = ""


def to_custom_job(
    request: TrainingRequest, token: str, *, account: GcpAccount, options: Options
) -> dict[str, Any]:
    """Return the job that is asked for."""
    container = {
        "image_uri": request.image or options.image,
        "command": list(_START),
        "args": list(request.command),
        "env": to_env(environment(request, token, account)),
    }
    machine = to_machine_spec(request.machine)
    disk = {"boot_disk_size_gb": options.boot_disk_gb}
    pool = {"machine_spec": machine, "disk_spec": disk, "container_spec": container}
    counts = [1] if request.nodes == 1 else [1, request.nodes - 1]
    spec: dict[str, Any] = {
        "worker_pool_specs": [{**pool, "replica_count": count} for count in counts],
        "scheduling": _scheduling(request, options),
        "base_output_directory": {"output_uri_prefix": output_place(request, token)},
        **surroundings(account),
    }
    job = {
        "display_name": account.named(token),
        "labels": account.marked(token=token, kind=TRAINING if request.study is None else STUDY),
        "job_spec": spec,
    }
    return {**job, **encryption(account)}


def output_of(job: CustomJob) -> str:
    """Return the URI of the folder where a job leaves its models, without a closing slash."""
    prefix = str(job.job_spec.base_output_directory.output_uri_prefix)
    return f"{prefix.rstrip('/')}/model"


def machines_of(spec: CustomJobSpec) -> Machines:
    """Return what a job runs on, or a trial of a study."""
    pools = spec.worker_pool_specs
    return Machines(
        machine=from_machine_spec(pools[0].machine_spec),
        count=sum(pool.replica_count for pool in pools),
        spot=is_spot(spec),
    )


def is_over(job: BatchPredictionJob | CustomJob | HyperparameterTuningJob) -> bool:
    """Whether Vertex AI is done with the job."""
    return job.state in _ENDED


def is_waiting(job: CustomJob | HyperparameterTuningJob) -> bool:
    """Whether the job waits for its machines still."""
    return job.state in _WAITING


def is_spot(spec: CustomJobSpec) -> bool:
    """Whether a job runs on spot machines."""
    return bool(spec.scheduling.strategy == Scheduling.Strategy.SPOT)


def failed(error: status_pb2.Status, last_lines: str) -> tuple[Phase, Failure]:
    """Sort a failure by its status code."""
    code = name_of(error.code)
    failure = Failure(code=code, message=f"{error.message}\n{last_lines}".strip())
    # What is exhausted is Google's machines, unless a limit of the account is named.
    no_machine = code == _EXHAUSTED and not _is_quota(error)
    return (Phase.INTERRUPTED if no_machine or code in _TAKEN else Phase.FAILED), failure


def from_custom_job(job: CustomJob, left: Left) -> OperationStatus[TrainingResult]:
    """Return what a job means, with what it left."""
    phase, failure = _verdict(job, left)
    result = None
    if phase is Phase.SUCCEEDED and left.outcome is not None:
        result = TrainingResult(
            model_uri=left.outcome.model_uri,
            digest=left.outcome.digest,
            metrics=left.outcome.metrics,
        )
    began = left.starts > 0 or "start_time" in job
    restarts = max(0, left.starts - 1)
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=restarts + (phase is Phase.INTERRUPTED and began),
        usage=_usage(job),
        progress=left.progress,
        poll_after=None if phase.done else POLL_AFTER,
    )


def _verdict(job: CustomJob, left: Left) -> tuple[Phase, Failure | None]:
    if not is_over(job):
        return (Phase.QUEUED if job.state in _WAITING else Phase.RUNNING), None
    if left.outcome is not None and left.outcome.ok:
        return Phase.SUCCEEDED, None
    return _without_a_model(job, left)


def _without_a_model(job: CustomJob, left: Left) -> tuple[Phase, Failure]:
    if job.state is JobState.JOB_STATE_EXPIRED:
        message = "no machine came in time; the next attempt goes on from the checkpoint"
        return Phase.INTERRUPTED, Failure(code="MAX_WAIT", message=message)
    if _took_too_long(job):
        limit = job.job_spec.scheduling.timeout
        message = f"still running after {limit}; ask for a longer max_duration or speed it up"
        return Phase.FAILED, Failure(code="MAX_DURATION", message=message)
    if job.state is JobState.JOB_STATE_CANCELLED:
        return Phase.CANCELLED, Failure(code="CANCELLED", message="cancelled by request")
    if left.outcome is not None:
        return Phase.FAILED, Failure(code=left.outcome.code, message=left.outcome.message)
    if job.state is JobState.JOB_STATE_FAILED:
        return failed(job.error, left.last_lines)
    remedy = "the command ended without an outcome; call job.succeed(...) at its end"
    return Phase.FAILED, Failure(code="NO_OUTCOME", message=remedy)


def _took_too_long(job: CustomJob) -> bool:
    """Whether it ran as long as it may; the pages do not say in which state it is then."""
    if job.state is JobState.JOB_STATE_SUCCEEDED or "start_time" not in job:
        return False
    ran: timedelta = job.end_time - job.start_time
    return bool(ran >= job.job_spec.scheduling.timeout)


def _is_quota(error: status_pb2.Status) -> bool:
    """Whether the account's limit keeps a job from its machine."""
    return any(each.type_url.endswith("google.rpc.QuotaFailure") for each in error.details)


def _usage(job: CustomJob) -> Usage | None:
    """Return machine time over all nodes; Vertex AI does not tell what it bills of it."""
    if "start_time" not in job:
        return None
    ended = job.end_time if "end_time" in job else datetime.now(UTC)
    pools = job.job_spec.worker_pool_specs
    nodes = sum(pool.replica_count for pool in pools)
    return Usage(
        machine=from_machine_spec(pools[0].machine_spec),
        seconds=max(0.0, (ended - job.start_time).total_seconds()) * nodes,
        spot=is_spot(job.job_spec),
    )


def _scheduling(request: TrainingRequest, options: Options) -> Mapping[str, Any]:
    seconds = max(1, math.ceil(request.max_duration.total_seconds()))
    strategy = Scheduling.Strategy.SPOT if request.spot else Scheduling.Strategy.STANDARD
    return {
        "timeout": timedelta(seconds=seconds),
        "strategy": strategy,
        "restart_job_on_worker_restart": options.restart,
        "disable_retries": not options.restart,
    }
