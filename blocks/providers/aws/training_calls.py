"""Training in SageMaker's words, and SageMaker's words in ours. Pure: no call is made here."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.contracts import (
    Failure,
    Machines,
    OperationStatus,
    Phase,
    TrainingRequest,
    TrainingResult,
    Usage,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.disks import volume_key
from blocks.workload import Outcome
from blocks.workload.environments import quoted
from blocks.workload.outcome import PROGRESS

SOURCE, DATA, KIT = "source", "training", "kit"  # names of the channels
METRIC = "bluewater:progress"
POLL_AFTER = timedelta(seconds=10)

_EXIT_CODE = re.compile(r"exit code: -?\d+")
_START = ("python", "-m", "blocks.workload.start")
_PREPARING = {
    "Starting",
    "Pending",
    "LaunchingMLInstances",
    "PreparingTrainingStack",
    "Downloading",
}
_TAKEN = {"InternalServerError", "CapacityError"}  # the machine's fault, not the code's


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a training block is set to, beyond the request."""

    image: str
    spot_wait: timedelta
    volume_gb: int
    warm_pool: timedelta
    encrypt_between_nodes: bool
    kit: str = ""  # URI of the workload kit, for images that do not have it


def to_create_training_job(
    request: TrainingRequest,
    token: str,
    *,
    account: AwsAccount,
    options: Options,
    data_is_object: bool = False,
) -> dict[str, Any]:
    """Return the call that starts the request's job under the token's name."""
    name = account.named(token)
    output: dict[str, Any] = {
        "S3OutputPath": request.output_uri.rstrip("/"),
        "CompressionType": "NONE",  # so that a model of gigabytes is not packed and unpacked
    }
    if account.kms_key:
        output["KmsKeyId"] = account.kms_key
    call: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": account.execution_role,
        "AlgorithmSpecification": {
            "TrainingImage": request.image or options.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": list(_START),
            "ContainerArguments": list(request.command),
            "MetricDefinitions": [{"Name": METRIC, "Regex": PROGRESS}],
        },
        "HyperParameters": {key: quoted(value) for key, value in request.parameters.items()},
        "Environment": _environment(request, token, name, data_is_object=data_is_object),
        "InputDataConfig": [
            _channel(SOURCE, f"{request.source_uri.rstrip('/')}/"),
            _channel(DATA, request.data_uri if data_is_object else _folder(request.data_uri)),
        ],
        "OutputDataConfig": output,
        "CheckpointConfig": {"S3Uri": request.checkpoint_uri.rstrip("/")},
        "ResourceConfig": _machines(request, account, options),
        "StoppingCondition": _limits(request, options),
        "EnableManagedSpotTraining": request.spot,
        "EnableNetworkIsolation": account.network_isolation,
        "EnableInterContainerTrafficEncryption": options.encrypt_between_nodes,
        "Tags": account.tags(token=token),
    }
    if vpc := account.vpc():
        call["VpcConfig"] = vpc
    return _with_kit(call, options.kit) if options.kit else call


def _with_kit(call: dict[str, Any], kit: str) -> dict[str, Any]:
    """Return the call with a channel that brings the kit; Python runs programs from a zip file."""
    there = f"/opt/ml/input/data/{KIT}/{kit.rpartition('/')[2]}"
    given = call["Environment"].get("PYTHONPATH")
    path = f"{there}:{given}" if given else there
    return {
        **call,
        "InputDataConfig": [*call["InputDataConfig"], _channel(KIT, kit)],
        "Environment": {**call["Environment"], "PYTHONPATH": path},
    }


def output_of(job: Mapping[str, Any]) -> str:
    """Return the URI where a job's model folder is kept, without a closing slash."""
    path, name = job["OutputDataConfig"]["S3OutputPath"], job["TrainingJobName"]
    return f"{path.rstrip('/')}/{name}/output/model"


def machines_of(job: Mapping[str, Any]) -> Machines:
    """Return what a described job runs on."""
    told = job["ResourceConfig"]
    spot = bool(job.get("EnableManagedSpotTraining"))
    return Machines(machine=told["InstanceType"], count=told["InstanceCount"], spot=spot)


def is_over(job: Mapping[str, Any]) -> bool:
    """Whether SageMaker is done with the job."""
    return job["TrainingJobStatus"] not in ("InProgress", "Stopping")


def failed_silently(job: Mapping[str, Any]) -> bool:
    """Whether the reason of a failure says nothing but the exit code."""
    _, _, said = str(job.get("FailureReason", "")).partition(":")
    return not _EXIT_CODE.sub("", said).strip(" ,.")


def from_describe_training_job(
    job: Mapping[str, Any], outcome: Outcome | None, last_lines: str = ""
) -> OperationStatus[TrainingResult]:
    """Return what a description means, with the outcome that the job left, if it left one."""
    phase, failure = _verdict(job, outcome, last_lines)
    result = None
    if phase is Phase.SUCCEEDED and outcome is not None:
        result = TrainingResult(
            model_uri=outcome.model_uri, digest=outcome.digest, metrics=outcome.metrics
        )
    broken = failure is not None and failure.code == "InternalServerError"
    moves = [move["Status"] for move in job.get("SecondaryStatusTransitions", ())]
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=moves.count("Interrupted") + broken,
        usage=_usage(job),
        progress=_progress(job),
        poll_after=None if phase.done else POLL_AFTER,
    )


def _verdict(
    job: Mapping[str, Any], outcome: Outcome | None, last_lines: str
) -> tuple[Phase, Failure | None]:
    if not is_over(job):
        return (Phase.QUEUED if job["SecondaryStatus"] in _PREPARING else Phase.RUNNING), None
    if outcome is not None and outcome.ok:
        return Phase.SUCCEEDED, None
    if job["TrainingJobStatus"] == "Failed":
        return _failed(str(job.get("FailureReason", "")), last_lines)
    if job["TrainingJobStatus"] == "Stopped":
        return _stopped(job)
    if outcome is not None:
        return Phase.FAILED, Failure(code=outcome.code, message=outcome.message)
    remedy = "the command ended without an outcome; call job.succeed(...) at its end"
    return Phase.FAILED, Failure(code="NO_OUTCOME", message=remedy)


def _stopped(job: Mapping[str, Any]) -> tuple[Phase, Failure]:
    if job["SecondaryStatus"] == "MaxRuntimeExceeded":
        limit = timedelta(seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"])
        message = f"still running after {limit}; ask for a longer max_duration or speed it up"
        return Phase.FAILED, Failure(code="MAX_DURATION", message=message)
    if job["SecondaryStatus"] == "MaxWaitTimeExceeded":
        message = "no spot machine came in time; the next attempt goes on from the checkpoint"
        return Phase.INTERRUPTED, Failure(code="MAX_WAIT", message=message)
    return Phase.CANCELLED, Failure(code="CANCELLED", message="cancelled by request")


def _failed(reason: str, last_lines: str) -> tuple[Phase, Failure]:
    """Sort a failure by the code that stands before the first colon of its reason."""
    code = reason.partition(":")[0] if ":" in reason else "UNKNOWN"
    phase = Phase.INTERRUPTED if code in _TAKEN else Phase.FAILED
    return phase, Failure(code=code, message=f"{reason}\n{last_lines}".strip())


def _usage(job: Mapping[str, Any]) -> Usage | None:
    """Return machine time over all nodes, and what is billed of it at the price on demand."""
    machines = job["ResourceConfig"]
    count, spot = machines["InstanceCount"], bool(job.get("EnableManagedSpotTraining"))
    seconds, billed = job.get("TrainingTimeInSeconds"), job.get("BillableTimeInSeconds")
    if seconds is None:
        began = job.get("TrainingStartTime")
        if began is None:
            return None
        seconds = max(0.0, (datetime.now(UTC) - began).total_seconds())
    return Usage(
        machine=machines["InstanceType"],
        seconds=seconds * count,
        billed_seconds=None if billed is None else billed * count,
        spot=spot,
        discounted=spot,
    )


def _progress(job: Mapping[str, Any]) -> float | None:
    found = [each["Value"] for each in job.get("FinalMetricDataList", ()) if _is_progress(each)]
    return min(1.0, max(0.0, float(found[-1]))) if found else None


def _is_progress(metric: Mapping[str, Any]) -> bool:
    return bool(metric["MetricName"] == METRIC)


def _environment(
    request: TrainingRequest, token: str, name: str, *, data_is_object: bool
) -> dict[str, str]:
    told = {
        **request.env,
        "BLUEWATER_TOKEN": token,
        "BLUEWATER_OUTPUT_URI": f"{request.output_uri.rstrip('/')}/{name}/output/model",
        "BLUEWATER_PROGRESS": "-",
    }
    if data_is_object:
        file = request.data_uri.rpartition("/")[2]
        told["BLUEWATER_DATA"] = f"/opt/ml/input/data/{DATA}/{file}"
    if request.secrets:  # names; a description of the job shows them to everybody who may look
        told["BLUEWATER_SECRETS"] = ",".join(request.secrets)
        told["BLUEWATER_SECRETS_FROM"] = json.dumps(dict(request.secrets), separators=(",", ":"))
    return told


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": uri,
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _folder(uri: str) -> str:
    """Return the prefix that means this folder, and not others whose names begin like it."""
    return f"{uri.rstrip('/')}/"


def _machines(request: TrainingRequest, account: AwsAccount, options: Options) -> dict[str, Any]:
    machines: dict[str, Any] = {
        "InstanceType": request.machine,
        "InstanceCount": request.nodes,
        "VolumeSizeInGB": options.volume_gb,
        **volume_key(request.machine, account.kms_key),
    }
    if options.warm_pool and not request.spot:  # spot machines are not kept warm
        machines["KeepAlivePeriodInSeconds"] = int(options.warm_pool.total_seconds())
    return machines


def _limits(request: TrainingRequest, options: Options) -> dict[str, int]:
    runtime = max(1, math.ceil(request.max_duration.total_seconds()))
    limits = {"MaxRuntimeInSeconds": runtime}
    if request.spot:
        limits["MaxWaitTimeInSeconds"] = runtime + math.ceil(options.spot_wait.total_seconds())
    return limits
