"""Batch jobs in SageMaker's words, and back. Pure: nothing is called here.

A processing job, not a transform job: a transform sends each file to a server as one request of at
most 100 MB, names its answers ``<file>.out``, and takes no model that lies unpacked in S3.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from blocks.cloud.batch_notes import Progress, Said
from blocks.contracts import (
    BatchRequest,
    BatchResult,
    Failure,
    OperationStatus,
    Phase,
    Usage,
)

MODEL = "/opt/ml/processing/model"
ASKED = "BLUEWATER_BATCH"  # URI of the request; a value of the environment may have 256 characters
_MARGIN = timedelta(minutes=5)  # the container keeps the limit itself; SageMaker is the backstop
_BEFORE = frozenset({"InternalServerError", "CapacityError"})  # words of a machine that was lost


def to_create_processing_job(
    request: BatchRequest, *, name: str, image: str, asked: str, volume_gb: int
) -> dict[str, Any]:
    """Say what is to be run; ``asked`` is where the request itself is written down."""
    limit = math.ceil((request.max_duration + _MARGIN).total_seconds())
    return {
        "ProcessingJobName": name,
        "ProcessingInputs": [
            {
                "InputName": "model",
                "S3Input": {
                    "S3Uri": request.model.uri.rstrip("/") + "/",
                    "LocalPath": MODEL,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": request.machine,
                "VolumeSizeInGB": volume_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": limit},
        "AppSpecification": {
            "ImageUri": image,
            "ContainerEntrypoint": ["python", "-m", "blocks.providers.aws.score"],
        },
        "Environment": {ASKED: asked},
    }


def from_describe_processing_job(
    job: Mapping[str, Any], request: BatchRequest, progress: Progress | None
) -> OperationStatus[BatchResult]:
    """Return how a job is doing."""
    said, phase = _said(job), phase_of(job)
    failure = None
    if phase in (Phase.FAILED, Phase.INTERRUPTED, Phase.CANCELLED):
        failure = failure_of(job, said, phase)
    result = None
    if phase is Phase.SUCCEEDED:
        result = BatchResult(output_uri=request.output_uri, rows=said.rows if said else 0)
    share = progress.done / progress.of if progress and progress.of else None
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED),
        usage=usage_of(job, request.machine, said),
        progress=1.0 if phase is Phase.SUCCEEDED else share,
        poll_after=None if phase.done else timedelta(seconds=15),
    )


def phase_of(job: Mapping[str, Any]) -> Phase:
    """Return where a processing job stands, whatever it processes."""
    status = job["ProcessingJobStatus"]
    if status == "Failed":
        lost = _first_word(job) in _BEFORE and _said(job) is None
        return Phase.INTERRUPTED if lost else Phase.FAILED
    if status == "Stopped":
        return Phase.FAILED if _ran_out(job) else Phase.CANCELLED
    if status == "Completed":
        return Phase.SUCCEEDED
    return Phase.RUNNING if job.get("ProcessingStartTime") else Phase.QUEUED


def failure_of(job: Mapping[str, Any], said: Said | None, phase: Phase) -> Failure:
    """Return why a job of that phase did not end well."""
    reason = str(job.get("FailureReason", ""))
    if phase is Phase.CANCELLED:
        return Failure(code="CANCELLED", message="cancelled by request")
    if said is not None and said.code:
        return Failure(code=said.code, message=said.message)
    if _ran_out(job):
        return Failure(code="MAX_DURATION", message="it took too long; allow a longer max_duration")
    code = _first_word(job) or "FAILED"
    return Failure(code=code, message=reason or "it ended without a word; look at its log")


def _ran_out(job: Mapping[str, Any]) -> bool:
    began, ended = job.get("ProcessingStartTime"), job.get("ProcessingEndTime")
    limit = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    if job["ProcessingJobStatus"] != "Stopped" or not (began and ended and limit):
        return False
    return bool((ended - began).total_seconds() >= limit)


def _first_word(job: Mapping[str, Any]) -> str:
    """Return the code that SageMaker puts in front of a reason, as in ``CapacityError: ...``."""
    word, colon, _ = str(job.get("FailureReason", "")).partition(":")
    return word if colon and word.isalpha() else ""


def usage_of(job: Mapping[str, Any], machine: str, said: Said | None) -> Usage | None:
    """Return machine time; None before the job has ended."""
    began, ended = job.get("ProcessingStartTime"), job.get("ProcessingEndTime")
    if not began or not ended:
        return None
    seconds = (ended - began).total_seconds()
    return Usage(
        machine=machine,
        seconds=seconds,
        billed_seconds=seconds,
        cpu_seconds=said.cpu_seconds if said else None,
        peak_memory_bytes=said.peak_memory_bytes if said else None,
    )


def _said(job: Mapping[str, Any]) -> Said | None:
    try:
        return Said.model_validate(json.loads(job.get("ExitMessage", "")))
    except (ValueError, ValidationError):
        return None  # nothing, or the words of somebody else's container
