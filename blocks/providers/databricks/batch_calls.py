"""Batch runs in Databricks' words, and back. Pure: nothing is called here."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from databricks.sdk.service.compute import Library, TerminationReason
from databricks.sdk.service.jobs import (
    BaseRun,
    PythonWheelTask,
    Run,
    RunResultState,
    TerminationCodeCode,
)

from blocks.cloud.batch_notes import Progress, Said
from blocks.contracts import BatchRequest, BatchResult, Failure, OperationStatus, Phase, Usage
from blocks.providers.databricks.job_calls import arguments_of_run
from blocks.providers.databricks.placement import SERVERLESS, Placement
from blocks.providers.databricks.runs import (
    TASK,
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

PACKAGE, ENTRY = "blocks.providers.databricks.score", "main"
_MARGIN = timedelta(minutes=5)  # the task keeps the limit itself; Databricks is the backstop


def to_submit(
    request: BatchRequest,
    name: str,
    *,
    asked: str,
    placement: Placement,
    wheel: str,
    tags: dict[str, str],
    package: str = PACKAGE,
) -> dict[str, Any]:
    """Return the arguments of the call that starts a run; ``asked`` is where the request lies."""
    serverless = request.machine == SERVERLESS  # which installs what its environment names
    task = {
        "task_key": TASK,
        "python_wheel_task": PythonWheelTask(
            package_name=package, entry_point=ENTRY, parameters=[asked]
        ),
        "libraries": [Library(whl=wheel)] if wheel and not serverless else None,
        "timeout_seconds": math.ceil((request.max_duration + _MARGIN).total_seconds()),
        "max_retries": 0,
    }
    placed = placement.submitted(task, request.machine, spot=request.spot, env={}, tags=tags)
    return {"run_name": name, "idempotency_token": name, **placed}


def asked_of(run: Run | BaseRun) -> str:
    """Return where the request of a run lies; empty if the run is none of batch."""
    task = task_of(run)
    given = arguments_of_run(run, task) if task.python_wheel_task else []
    return given[0] if given else ""


def said_of(asked: str) -> str:
    """Return where the last words of the task are whose request lies at the URI ``asked``."""
    return f"{asked.rpartition('/')[0]}/said.json"


def notes_beside(asked: str) -> str:
    """Return the folder of the notes on files, which all batch runs of an account share."""
    return f"{asked.rpartition('/')[0].rpartition('/')[0]}/notes"


def from_run(
    run: Run,
    request: BatchRequest,
    said: Said | None,
    progress: Progress | None,
    reason: TerminationReason | None,
) -> OperationStatus[BatchResult]:
    """Return how a run is doing."""
    phase, failure = _verdict(run, said, reason)
    result = None
    if phase is Phase.SUCCEEDED:
        result = BatchResult(output_uri=request.output_uri, rows=said.rows if said else 0)
    share = progress.done / progress.of if progress and progress.of else None
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED and was_running(run)),
        usage=_usage(run, said),
        progress=1.0 if phase is Phase.SUCCEEDED else share,
        poll_after=None if phase.done else timedelta(seconds=15),
    )


def _verdict(
    run: Run, said: Said | None, reason: TerminationReason | None
) -> tuple[Phase, Failure | None]:
    if not is_over(run):
        return phase_of(run), None
    code = code_of(run)
    if code is TerminationCodeCode.SUCCESS:
        return Phase.SUCCEEDED, None
    if code is TerminationCodeCode.USER_CANCELED:
        return Phase.CANCELLED, Failure(code="CANCELLED", message="cancelled by request")
    if said is not None and said.code:
        return Phase.FAILED, Failure(code=said.code, message=said.message)
    if run.state is not None and run.state.result_state is RunResultState.TIMEDOUT:
        return Phase.FAILED, Failure(code="MAX_DURATION", message=message_of(run))
    phase = Phase.INTERRUPTED if is_lost(run, reason) else Phase.FAILED
    return phase, ended(run, reason)


def _usage(run: Run, said: Said | None) -> Usage | None:
    seconds, machines = seconds_of(run), machines_of(run)
    if seconds is None:
        return None
    return Usage(
        machine=machines.machine,
        seconds=seconds * machines.count,
        spot=machines.spot,
        cpu_seconds=said.cpu_seconds if said else None,
        peak_memory_bytes=said.peak_memory_bytes if said else None,
    )
