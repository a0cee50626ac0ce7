"""Transform jobs in SageMaker's words, and back. Pure: nothing is called here.

A record is sent to the container as one request. Without a split a file is a record, whatever its
content type: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from blocks.cloud.batch_notes import Said
from blocks.contracts import (
    BatchRequest,
    BatchResult,
    Failure,
    Frozen,
    OperationStatus,
    Phase,
    Unsupported,
    Usage,
)
from blocks.providers.aws.disks import volume_key

ASKED = "BLUEWATER_TRANSFORM"  # URI of the record of the job
SUFFIX = ".out"  # what SageMaker adds to the name of a file that it has sent
MOST_MB = 100  # of one request, and of all that are sent at a time together
_MOST_BYTES = MOST_MB * 1_000_000
_PARQUET = "application/vnd.apache.parquet"
_LONGEST = 3600  # seconds that one request may take
_BEFORE = frozenset({"InternalServerError", "CapacityError"})  # words of a machine that was lost
_LOOK_AGAIN = timedelta(seconds=15)


class Listed(Frozen):
    """A file of the data set, as it was when the job was asked for."""

    name: str
    size: int
    etag: str


class Record(Frozen):
    """What a job does, written down before it is started."""

    request: BatchRequest
    files: tuple[Listed, ...]


class Told(Frozen):
    """What the container has to say so far."""

    done: int = 0  # files
    said: Said = Said()


def require_sendable(files: Sequence[Listed]) -> None:
    """Raise Unsupported, with the remedy, for a file that is no request any more."""
    for each in files:
        if each.size > _MOST_BYTES:
            raise Unsupported(
                f"{each.name} has {each.size / 1e6:.0f} MB, and a transform job sends files of "
                f"{MOST_MB} MB at most; write smaller files, or let aws-batch score them",
                code="FILE_SIZE",
            )


def to_manifest(data: str, names: Sequence[str]) -> bytes:
    """Return the list of the files to be sent, as SageMaker takes it."""
    return json.dumps([{"prefix": f"{data.rstrip('/')}/"}, *names]).encode()


def to_create_transform_job(
    request: BatchRequest, *, name: str, home: str, kms_key: str = ""
) -> dict[str, Any]:
    """Say what is to be sent; ``home`` is the folder of what is kept of the job."""
    return {
        "TransformJobName": name,
        "ModelName": name,
        "BatchStrategy": "SingleRecord",
        "MaxConcurrentTransforms": 1,
        "MaxPayloadInMB": MOST_MB,
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": min(
                _LONGEST, math.ceil(request.max_duration.total_seconds())
            ),
            "InvocationsMaxRetries": 0,  # what a model says of a file, it says again
        },
        "Environment": {ASKED: record_of(home)},
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": manifest_of(home)}
            },
            "ContentType": _PARQUET,
            "CompressionType": "None",
            "SplitType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": outputs_of(home),
            "Accept": _PARQUET,
            "AssembleWith": "None",
            **({"KmsKeyId": kms_key} if kms_key else {}),
        },
        "TransformResources": {
            "InstanceType": request.machine,
            "InstanceCount": 1,
            **volume_key(request.machine, kms_key),
        },
    }


def record_of(home: str) -> str:
    """Return where the record of a job is."""
    return f"{home}/record.json"


def told_of(asked: str) -> str:
    """Return where the container says how it goes whose record lies at the URI ``asked``."""
    return f"{asked.rpartition('/')[0]}/told.json"


def manifest_of(home: str) -> str:
    """Return where the list of the files is that are to be sent."""
    return f"{home}/files.manifest"


def outputs_of(home: str) -> str:
    """Return the folder that SageMaker puts its answers into."""
    return f"{home}/answers"


def phase_of(job: Mapping[str, Any], told: Told) -> Phase:
    """Return where a job stands."""
    status = job["TransformJobStatus"]
    if status == "Failed":
        lost = _first_word(job) in _BEFORE and not told.said.code
        return Phase.INTERRUPTED if lost else Phase.FAILED
    if status == "Stopped":
        return Phase.CANCELLED
    if status == "Completed":
        return Phase.SUCCEEDED
    return Phase.RUNNING if job.get("TransformStartTime") else Phase.QUEUED


def from_describe_transform_job(
    job: Mapping[str, Any], record: Record, told: Told, *, rows: int | None, left: int
) -> OperationStatus[BatchResult]:
    """Return how a job is doing, that has to give ``left`` answers their names still.

    ``rows`` are those of all files, or None where one of them is not scored.
    """
    phase = phase_of(job, told)
    failure, result = None, None
    if phase is Phase.SUCCEEDED and rows is None:
        phase, failure = Phase.FAILED, _incomplete()
    elif phase is Phase.SUCCEEDED:
        result = BatchResult(output_uri=record.request.output_uri, rows=rows or 0)
    elif phase.done:
        failure = _failure(job, told.said, phase)
    if phase.done and left:
        phase, failure, result = Phase.RUNNING, None, None
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED),
        usage=_usage(job, record.request.machine, told.said) if phase.done else None,
        progress=1.0 if phase is Phase.SUCCEEDED else told.done / len(record.files),
        poll_after=None if phase.done else (timedelta(0) if left else _LOOK_AGAIN),
    )


def _failure(job: Mapping[str, Any], said: Said, phase: Phase) -> Failure:
    reason = str(job.get("FailureReason", ""))
    if phase is Phase.CANCELLED:
        return Failure(code="CANCELLED", message="cancelled by request")
    if said.code:
        return Failure(code=said.code, message=said.message)
    code = _first_word(job) or "FAILED"
    return Failure(code=code, message=reason or "it ended without a word; look at its log")


def _incomplete() -> Failure:
    message = "SageMaker says that all is done, and there is no answer for some files; submit again"
    return Failure(code="OUTPUT", message=message)


def _first_word(job: Mapping[str, Any]) -> str:
    word, colon, _ = str(job.get("FailureReason", "")).partition(":")
    return word if colon and word.isalpha() else ""


def _usage(job: Mapping[str, Any], machine: str, said: Said) -> Usage | None:
    began, ended = job.get("TransformStartTime"), job.get("TransformEndTime")
    if not began or not ended:
        return None
    seconds = (ended - began).total_seconds()
    return Usage(
        machine=machine,
        seconds=seconds,
        billed_seconds=seconds,
        cpu_seconds=said.cpu_seconds or None,
        peak_memory_bytes=said.peak_memory_bytes or None,
    )
