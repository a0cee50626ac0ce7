"""Training in Databricks' words, and Databricks' words in ours. Pure: no call is made here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from databricks.sdk.service.compute import TerminationReason
from databricks.sdk.service.jobs import (
    BaseRun,
    Run,
    RunResultState,
    SparkPythonTask,
    TerminationCodeCode,
)

from blocks.contracts import (
    Failure,
    OperationStatus,
    Phase,
    TrainingRequest,
    TrainingResult,
    Usage,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.job_calls import arguments_of_run
from blocks.providers.databricks.placement import Placement
from blocks.providers.databricks.places import path_of, uri_of
from blocks.providers.databricks.runs import (
    TASK,
    TRAINING,
    code_of,
    ended,
    is_lost,
    is_over,
    machines_of,
    message_of,
    phase_of,
    seconds_of,
    task_of,
    was_running,
)
from blocks.providers.databricks.secret import reference_to
from blocks.workload import Outcome
from blocks.workload.databricks import LOG, PLAN, PROGRESS, Plan

POLL_AFTER = timedelta(seconds=10)
_NOTES = "/.job-"

START = b'''"""Goes on in the kit, which is installed, or else a file."""
import os
import sys

kit, plan = sys.argv[1:]
try:
    from blocks.workload.databricks import main
except ImportError:
    sys.path.insert(0, kit)
    path = [kit, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    from blocks.workload.databricks import main
main([plan], os.environ)
'''
"""The Python file of the task: a plain runtime of Databricks knows nothing of us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """Where what every run begins with lies."""

    start: str  # URI of the file with ``START``
    kit: str  # and of the kit


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a run that Databricks itself does not tell."""

    outcome: Outcome | None = None
    reason: TerminationReason | None = None  # of the end of its cluster
    progress: float | None = None
    last_lines: Sequence[str] = ()


def to_submit(
    request: TrainingRequest,
    token: str,
    *,
    account: DatabricksWorkspace,
    shipped: Shipped,
    placement: Placement,
) -> dict[str, Any]:
    """Return the arguments of the call that starts a one-time run, or finds the token's run."""
    name = account.named(token)
    spot = "yes" if request.spot else "no"
    task = {
        "task_key": TASK,
        "spark_python_task": SparkPythonTask(
            python_file=path_of(shipped.start),
            parameters=[path_of(shipped.kit), path_of(f"{notes_of(request, token)}/{PLAN}")],
        ),
        "timeout_seconds": max(1, math.ceil(request.max_duration.total_seconds())),
        "max_retries": 0,
    }
    placed = placement.submitted(
        task,
        request.machine,
        spot=request.spot,
        env={name: reference_to(account, secret) for name, secret in request.secrets.items()},
        tags=account.tags(kind=TRAINING, token=token, spot=spot, machine=request.machine),
    )
    return {"run_name": name, "idempotency_token": name, **placed}


def to_plan(request: TrainingRequest, token: str) -> Plan:
    """Return what the first program of the run is told to do."""
    notes = notes_of(request, token)
    told = {
        **request.env,
        "BLUEWATER_TOKEN": token,
        "BLUEWATER_DATA": request.data_uri,
        "BLUEWATER_CHECKPOINTS": request.checkpoint_uri,
        "BLUEWATER_OUTPUT": request.output_uri,
        "BLUEWATER_OUTPUT_URI": request.output_uri.rstrip("/"),
        "BLUEWATER_PROGRESS": f"{notes}/{PROGRESS}",
    }
    if request.parameters:
        told["BLUEWATER_PARAMETERS"] = json.dumps(dict(request.parameters))
    if request.secrets:
        told["BLUEWATER_SECRETS"] = ",".join(request.secrets)
    return Plan(
        command=request.command, source_uri=request.source_uri, log_uri=f"{notes}/{LOG}", env=told
    )


def notes_of(request: TrainingRequest, token: str) -> str:
    """Return the folder of what a run is told and tells, beside its output."""
    return f"{request.output_uri.rstrip('/')}{_NOTES}{token}"


def notes_of_run(run: Run | BaseRun) -> str:
    """Return that folder, for a run that is there; empty if it is none of training."""
    task = task_of(run)
    given = arguments_of_run(run, task) if task.spark_python_task else []
    plan = given[-1] if given else ""
    return uri_of(plan.removesuffix(f"/{PLAN}")) if plan else ""


def output_of(run: Run | BaseRun) -> str:
    """Return where a run's model and outcome go."""
    return notes_of_run(run).rpartition(_NOTES)[0]


def token_of(run: Run | BaseRun) -> str:
    """Return the token that a run was asked for under."""
    return notes_of_run(run).rpartition(_NOTES)[2]


def from_run(run: Run, seen: Seen) -> OperationStatus[TrainingResult]:
    """Return what a run means, with what is known of it besides."""
    phase, failure = _verdict(run, seen)
    result, outcome = None, seen.outcome
    if phase is Phase.SUCCEEDED and outcome is not None:
        result = TrainingResult(
            model_uri=outcome.model_uri, digest=outcome.digest, metrics=outcome.metrics
        )
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED and was_running(run)),
        usage=usage_of(run),
        progress=seen.progress,
        poll_after=None if phase.done else POLL_AFTER,
    )


def progress_of(content: bytes) -> float | None:
    """Return the share done that a progress file tells."""
    said: Mapping[str, Any] = json.loads(content)
    done, of = float(said["done"]), float(said["of"])
    return min(1.0, max(0.0, done / of)) if of else None


def usage_of(run: Run) -> Usage | None:
    """Return machine time, from the request for the machine on."""
    seconds, machines = seconds_of(run), machines_of(run)
    if seconds is None:
        return None
    return Usage(machine=machines.machine, seconds=seconds, spot=machines.spot)


def _verdict(run: Run, seen: Seen) -> tuple[Phase, Failure | None]:
    if not is_over(run):
        return phase_of(run), None
    if seen.outcome is not None and seen.outcome.ok:
        return Phase.SUCCEEDED, None
    return _unhappy(run, seen)


def _unhappy(run: Run, seen: Seen) -> tuple[Phase, Failure]:
    outcome = seen.outcome
    if code_of(run) is TerminationCodeCode.USER_CANCELED:
        return Phase.CANCELLED, Failure(code="CANCELLED", message="cancelled by request")
    if run.state is not None and run.state.result_state is RunResultState.TIMEDOUT:
        return Phase.FAILED, _too_long(message_of(run))
    if outcome is not None:
        return Phase.FAILED, Failure(code=outcome.code, message=outcome.message)
    if is_lost(run, seen.reason):
        return Phase.INTERRUPTED, ended(run, seen.reason)
    return Phase.FAILED, _without_outcome(run, seen)


def _without_outcome(run: Run, seen: Seen) -> Failure:
    if code_of(run) is TerminationCodeCode.SUCCESS:
        remedy = "the command ended without an outcome; call job.succeed(...) at its end"
        return Failure(code="NO_OUTCOME", message=remedy)
    why = ended(run, seen.reason)
    return Failure(code=why.code, message="\n".join([why.message, *seen.last_lines]).strip())


def _too_long(message: str) -> Failure:
    remedy = "ask for a longer max_duration or speed it up"
    return Failure(code="MAX_DURATION", message=f"{message} {remedy}".strip())
