"""What all one-time runs of ours have in common, whatever they do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from databricks.sdk.service.compute import TerminationReason, TerminationReasonCode
from databricks.sdk.service.jobs import (
    BaseRun,
    Run,
    RunLifecycleStateV2State,
    RunTask,
    TerminationCodeCode,
    TerminationTypeType,
)

from blocks.contracts import Failure, Machines, Phase
from blocks.providers.databricks.account import OWNER_TAG
from blocks.providers.databricks.placement import tags_in

KIND_TAG, SPOT_TAG, MACHINE_TAG = "bluewater-kind", "bluewater-spot", "bluewater-machine"
TRAINING, BATCH = "training", "batch"  # what the tag of a run's kind says
TASK = "bluewater"  # the one task of a run

_WAITING = frozenset(
    {
        RunLifecycleStateV2State.BLOCKED,
        RunLifecycleStateV2State.PENDING,
        RunLifecycleStateV2State.QUEUED,
        RunLifecycleStateV2State.WAITING,
    }
)
_LOST = frozenset(
    {
        TerminationCodeCode.CLOUD_FAILURE,
        TerminationCodeCode.CLUSTER_ERROR,
        TerminationCodeCode.CLUSTER_REQUEST_LIMIT_EXCEEDED,
        TerminationCodeCode.DRIVER_ERROR,
        TerminationCodeCode.INTERNAL_ERROR,
        TerminationCodeCode.STORAGE_ACCESS_ERROR,
        TerminationCodeCode.WORKSPACE_RUN_LIMIT_EXCEEDED,
    }
)
"""Codes of runs that ended by no fault of what they ran: the next attempt may do."""

_QUOTAS = frozenset(
    {
        "AWS_MAX_SPOT_INSTANCE_COUNT_EXCEEDED_FAILURE",
        "AWS_RESOURCE_QUOTA_EXCEEDED",
        "AZURE_QUOTA_EXCEEDED_EXCEPTION",
        "GCP_QUOTA_EXCEEDED",
        "GCP_RESOURCE_QUOTA_EXCEEDED",
        "TRIAL_EXPIRED",
    }
)
"""Why a cluster ended where another one would end alike, until somebody asks for more."""


def is_over(run: Run | BaseRun) -> bool:
    """Whether Databricks is done with the run."""
    return _state(run) is RunLifecycleStateV2State.TERMINATED


def phase_of(run: Run) -> Phase:
    """Return the phase of a run that is not over."""
    return Phase.QUEUED if _state(run) in _WAITING else Phase.RUNNING


def task_of(run: Run | BaseRun) -> RunTask:
    """Return the one task of a run."""
    return (run.tasks or [RunTask(task_key=TASK)])[0]


def tags_of(run: Run | BaseRun) -> dict[str, str]:
    """Return the marks on a run, which are those of what it is on."""
    return tags_in(task_of(run))


def is_of(run: Run | BaseRun, owner: str, name: str, kind: str = "") -> bool:
    """Whether a run is an owner's, by its name and by its tags, and does that kind of work."""
    tags = tags_of(run)
    ours = str(run.run_name).startswith(name) and tags.get(OWNER_TAG) == owner
    return ours and kind in ("", tags.get(KIND_TAG))


def code_of(run: Run) -> TerminationCodeCode | None:
    """Return why a run is over, as far as Databricks' own jobs know."""
    details = run.status.termination_details if run.status else None
    return details.code if details else None


def message_of(run: Run) -> str:
    """Return what Databricks says of a run's end."""
    details = run.status.termination_details if run.status else None
    told = (details.message if details else "") or ""
    return told or ((run.state.state_message if run.state else "") or "")


def is_lost(run: Run, reason: TerminationReason | None) -> bool:
    """Whether a run ended because its machine did, or never came, and another one may."""
    details = run.status.termination_details if run.status else None
    if details is None or reason_of(reason) in _QUOTAS:
        return False
    return details.code in _LOST or details.type is TerminationTypeType.CLOUD_FAILURE


def reason_of(reason: TerminationReason | None) -> str:
    """Return why a cluster ended, in the cloud's terms; empty where it only was done."""
    code = reason.code if reason else None
    return "" if code in (None, TerminationReasonCode.JOB_FINISHED) else code.value


def ended(run: Run, reason: TerminationReason | None) -> Failure:
    """Return why a run ended without a word of its own: the cluster's reason, where it has one."""
    code = code_of(run)
    told = reason_of(reason) or (code.value if code else "UNKNOWN")
    return Failure(code=told, message=message_of(run))


def was_running(run: Run) -> bool:
    """Whether what was to be run ever began."""
    return bool(task_of(run).execution_duration or run.execution_duration)


def machines_of(run: Run | BaseRun) -> Machines:
    """Return what a run is on."""
    tags, cluster = tags_of(run), task_of(run).new_cluster
    node = (cluster.node_type_id if cluster else "") or tags.get(MACHINE_TAG, "")
    count = 1 + ((cluster.num_workers or 0) if cluster else 0)
    return Machines(machine=node, count=count, spot=tags.get(SPOT_TAG) == "yes")


def seconds_of(run: Run) -> float | None:
    """Return for how long a run has had a machine, or waited for one; None before that."""
    if not run.start_time:
        return None
    ended = run.end_time / 1000 if run.end_time else datetime.now(UTC).timestamp()
    return float(max(0.001, ended - run.start_time / 1000))


def _state(run: Any) -> RunLifecycleStateV2State | None:
    return run.status.state if run.status else None
