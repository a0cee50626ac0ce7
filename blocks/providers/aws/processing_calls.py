"""Processing jobs in SageMaker's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from blocks.contracts import (
    Failure,
    InvalidRequest,
    OperationStatus,
    Phase,
    ProcessingRequest,
    ProcessingResult,
)
from blocks.providers.aws.batch_calls import failure_of, phase_of, usage_of
from blocks.workload.process import INPUT, OUTPUT

LONGEST = timedelta(seconds=777_600)  # ProcessingMaxRuntimeInSeconds
_HOME = "/opt/ml/processing"
_CODE, _KIT = "bluewater-code", "bluewater-kit"
_MOST = 10  # inputs, and outputs
_WORD = 256  # characters of a value of the environment, and of a word of the command
_START = ("python", "-m", "blocks.workload.start")
_POLL_AFTER = timedelta(seconds=15)


def to_create_processing_job(
    request: ProcessingRequest,
    *,
    name: str,
    image: str,
    kit: str,
    objects: Collection[str],
    volume_gb: int,
) -> dict[str, Any]:
    """Return the call; ``objects`` are the inputs that are one object, ``kit`` is its URI."""
    files = {_CODE: _folder(request.source_uri), _KIT: kit}
    files |= {key: uri if key in objects else _folder(uri) for key, uri in request.inputs.items()}
    call = {
        "ProcessingJobName": name,
        "ProcessingInputs": [_input(key, uri) for key, uri in files.items()],
        "ProcessingOutputConfig": {
            "Outputs": [_output(key, uri) for key, uri in request.outputs.items()]
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": request.machine,
                "VolumeSizeInGB": volume_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": _seconds(request)},
        "AppSpecification": {
            "ImageUri": image,
            "ContainerEntrypoint": list(_START),
            "ContainerArguments": list(request.command),
        },
        "Environment": _environment(request, kit, objects),
    }
    _within_limits(call)
    return call


def from_describe_processing_job(
    job: Mapping[str, Any], last_lines: str
) -> OperationStatus[ProcessingResult]:
    """Return how a job is doing; ``last_lines`` of its log are the words of its failure."""
    phase, result, failure = phase_of(job), None, None
    if phase is Phase.SUCCEEDED:
        result = ProcessingResult(outputs=outputs_of(job))
    elif phase.done:
        why = failure_of(job, None, phase)
        message = f"{why.message}\n{last_lines}".strip()
        failure = Failure(code=why.code, message=message if phase is Phase.FAILED else why.message)
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED),
        usage=usage_of(job, machine_of(job), None),
        poll_after=None if phase.done else _POLL_AFTER,
    )


def outputs_of(job: Mapping[str, Any]) -> dict[str, str]:
    """Return where the outputs of a described job go; empty if it is none of ours."""
    outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return {each["OutputName"]: each["S3Output"]["S3Uri"] for each in outputs}


def machine_of(job: Mapping[str, Any]) -> str:
    """Return the machine of a described job."""
    return str(job["ProcessingResources"]["ClusterConfig"]["InstanceType"])


def _environment(request: ProcessingRequest, kit: str, objects: Collection[str]) -> dict[str, str]:
    brought = f"{_place('input', _KIT)}/{kit.rpartition('/')[2]}"
    path = ":".join(filter(None, (brought, request.env.get("PYTHONPATH"))))
    told = {**request.env, "PYTHONPATH": path, "BLUEWATER_SOURCE": _place("input", _CODE)}
    for key, uri in request.inputs.items():
        file = f"/{uri.rpartition('/')[2]}" if key in objects else ""
        told[f"{INPUT}{key.upper()}"] = _place("input", key) + file
    for key in request.outputs:
        told[f"{OUTPUT}{key.upper()}"] = _place("output", key)
    if request.secrets:  # names; a description of the job shows them to everybody who may look
        told["BLUEWATER_SECRETS_FROM"] = json.dumps(dict(request.secrets), separators=(",", ":"))
    return told


def _within_limits(call: Mapping[str, Any]) -> None:
    """Raise InvalidRequest for what SageMaker would not take."""
    if len(call["ProcessingInputs"]) > _MOST:
        raise InvalidRequest(
            f"inputs: SageMaker takes {_MOST - 2} beside the code; put some into one folder",
            code="INPUTS",
        )
    if len(call["ProcessingOutputConfig"]["Outputs"]) > _MOST:
        raise InvalidRequest(f"outputs: SageMaker takes {_MOST}; name fewer", code="OUTPUTS")
    words = {f"env.{name}": value for name, value in call["Environment"].items()}
    arguments = call["AppSpecification"]["ContainerArguments"]
    words |= {f"command.{number}": word for number, word in enumerate(arguments)}
    for field, word in words.items():
        if len(word) > _WORD:
            raise InvalidRequest(
                f"{field}: SageMaker takes {_WORD} characters, not {len(word)}; put it into a file",
                code="TOO_LONG",
            )


def _seconds(request: ProcessingRequest) -> int:
    return max(1, math.ceil(request.max_duration.total_seconds()))


def _input(name: str, uri: str) -> dict[str, Any]:
    source = {
        "S3Uri": uri,
        "LocalPath": _place("input", name),
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    return {"InputName": name, "S3Input": source}


def _output(name: str, uri: str) -> dict[str, Any]:
    target = {
        "S3Uri": uri.rstrip("/"),
        "LocalPath": _place("output", name),
        "S3UploadMode": "EndOfJob",
    }
    return {"OutputName": name, "S3Output": target}


def _place(kind: str, name: str) -> str:
    return f"{_HOME}/{kind}/{name}"


def _folder(uri: str) -> str:
    """Return the prefix that means this folder, and not others whose names begin like it."""
    return f"{uri.rstrip('/')}/"
