"""Batch jobs in Azure's words, and back. Pure: nothing is called here.

A command job, which needs neither an endpoint nor a cluster; Azure's own batch endpoints are
beside it, in ``batch_endpoints``.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from azure.ai.ml import Input, command
from azure.ai.ml.entities import Environment

from blocks.cloud.batch_notes import Said
from blocks.contracts import BatchRequest, BatchResult, Failure, OperationStatus, Phase, Usage
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import may_pass
from blocks.providers.azure.history import Run
from blocks.providers.azure.inside import ASKED, STORAGE
from blocks.providers.azure.jobs import BATCH, PREPARING, is_over

_MARGIN = timedelta(minutes=5)  # the container keeps the limit itself; Azure is the backstop


def to_command(
    request: BatchRequest,
    token: str,
    *,
    account: AzureAccount,
    image: str,
    asked: str,
    experiment: str,
) -> Any:
    """Say what is to be run; ``asked`` is where the request itself is written down."""
    return command(
        name=account.named(token),
        experiment_name=experiment,
        command="python -m blocks.providers.azure.score ${{inputs.model}}",
        environment=image if image.startswith("azureml:") else Environment(image=image),
        environment_variables={ASKED: asked, STORAGE: account.endpoint_of_storage("{account}")},
        inputs={"model": Input(type="uri_folder", path=request.model.uri, mode="download")},
        instance_type=request.machine,
        instance_count=1,
        timeout=math.ceil((request.max_duration + _MARGIN).total_seconds()),
        tags=account.tags(token=token, kind=BATCH, machine=request.machine),
    )


def from_job(
    job: Any, run: Run | None, request: BatchRequest, said: Said | None, done: float | None
) -> OperationStatus[BatchResult]:
    """Return how a job is doing; ``done`` is the share of its files that are, if it is known."""
    phase, failure = _verdict(job, run, said)
    result = None
    if phase is Phase.SUCCEEDED:
        result = BatchResult(output_uri=request.output_uri, rows=said.rows if said else 0)
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED),
        usage=_usage(run, request, said),
        progress=1.0 if phase is Phase.SUCCEEDED else done,
        poll_after=None if phase.done else timedelta(seconds=15),
    )


def _verdict(job: Any, run: Run | None, said: Said | None) -> tuple[Phase, Failure | None]:
    if not is_over(job):
        return (Phase.QUEUED if job.status in PREPARING else Phase.RUNNING), None
    if job.status == "Completed":
        return Phase.SUCCEEDED, None
    if job.status == "Canceled":
        return Phase.CANCELLED, Failure(code="CANCELLED", message="cancelled by request")
    if said is not None and said.code:
        return Phase.FAILED, Failure(code=said.code, message=said.message)
    code, message = (run.code, run.message) if run is not None else ("", "")
    phase = Phase.INTERRUPTED if may_pass(code) else Phase.FAILED
    return phase, Failure(code=code or "FAILED", message=message or "look at its log")


def _usage(run: Run | None, request: BatchRequest, said: Said | None) -> Usage | None:
    if run is None or run.began is None:
        return None
    ended = run.ended or datetime.now(run.began.tzinfo)
    return Usage(
        machine=request.machine,
        seconds=max(0.001, (ended - run.began).total_seconds()),
        spot=request.spot,
        cpu_seconds=said.cpu_seconds if said else None,
        peak_memory_bytes=said.peak_memory_bytes if said else None,
    )
