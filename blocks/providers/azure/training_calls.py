"""Training in Azure's words, and Azure's words in ours. Pure: no call is made here."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from azure.ai.ml import Input, Output, PyTorchDistribution, command
from azure.ai.ml.entities import Environment

from blocks.contracts import (
    Failure,
    InvalidRequest,
    Machines,
    OperationStatus,
    Phase,
    TrainingRequest,
    TrainingResult,
    Usage,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import may_pass
from blocks.providers.azure.history import Run
from blocks.providers.azure.jobs import PREPARING, TRAINING, is_over, is_waiting
from blocks.workload import Outcome
from blocks.workload.outcome import PROGRESS

POLL_AFTER = timedelta(seconds=10)
MAX_SPOT = timedelta(days=7)  # a job may run on low-priority machines; 21 days on others

_OUTPUT = "BLUEWATER_OUTPUT_URI"
# Azure gives jobs an address that its plugin knows, and a token that MLflow's own client takes.
_PLAIN_MLFLOW = "${MLFLOW_TRACKING_URI/#azureml:/https:}"
_LAST_LINES = 20  # of a log, for a failure that says nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a training block is set to, beyond the request."""

    image: str
    cluster: str
    experiment: str
    mlflow_plugin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What a job and who looks at it have left beside its output."""

    starts: int = 0
    waiting_since: datetime | None = None  # when it was first seen without a machine again
    given_up: bool = False


def to_command(
    request: TrainingRequest,
    token: str,
    *,
    account: AzureAccount,
    options: Options,
    data_is_object: bool = False,
) -> Any:
    """Return the job that runs the request under the token's name."""
    return command(
        name=account.named(token),
        experiment_name=options.experiment,
        command=_command(request, token, options),
        environment=_environment(request.image or options.image),
        environment_variables=_variables(request, token, account),
        inputs=_inputs(request, data_is_object=data_is_object),
        outputs={
            "checkpoints": _mounted(account.on_datastore(request.checkpoint_uri)),
            "output": _mounted(account.on_datastore(request.output_uri)),
        },
        timeout=max(1, math.ceil(request.max_duration.total_seconds())),
        tags=account.tags(
            token=token,
            kind=TRAINING,
            machine=request.machine,
            spot="yes" if request.spot else "no",
        ),
        **_machines(request, options),
    )


def output_of(job: Any) -> str:
    """Return the URI where a job's model and outcome are kept."""
    return str(job.environment_variables[_OUTPUT]).rstrip("/")


def notes_of(job: Any, token: str) -> str:
    """Return the folder of the notes on a job."""
    return f"{output_of(job)}/{_starts(token)}"


def is_spot(job: Any) -> bool:
    """Whether the job runs on machines that can be taken away."""
    return bool((job.tags or {}).get("bluewater-spot") == "yes")


def progress_of(lines: Sequence[str]) -> float | None:
    """Return the share that the last line of a log which tells one tells."""
    found = [match for line in lines if (match := re.match(PROGRESS, line))]
    return min(1.0, max(0.0, float(found[-1][1]))) if found else None


def from_job(
    job: Any, run: Run | None, notes: Notes, outcome: Outcome | None, lines: Sequence[str] = ()
) -> OperationStatus[TrainingResult]:
    """Return what a job means, with what its run, its notes, its outcome and its log tell."""
    phase, failure = _verdict(job, run, notes, outcome, lines)
    result = None
    if phase is Phase.SUCCEEDED and outcome is not None:
        result = TrainingResult(
            model_uri=outcome.model_uri, digest=outcome.digest, metrics=outcome.metrics
        )
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=_lost(job, run, notes, phase),
        usage=_usage(job, run),
        progress=progress_of(lines),
        poll_after=None if phase.done else POLL_AFTER,
    )


def limit_of(job: Any) -> timedelta | None:
    """Return how long the job may run."""
    seconds = getattr(job.limits, "timeout", None)
    return None if seconds is None else timedelta(seconds=int(seconds))


def _verdict(
    job: Any, run: Run | None, notes: Notes, outcome: Outcome | None, lines: Sequence[str]
) -> tuple[Phase, Failure | None]:
    if not is_over(job):
        return (Phase.QUEUED if job.status in PREPARING else Phase.RUNNING), None
    if outcome is not None and outcome.ok:
        return Phase.SUCCEEDED, None
    if job.status == "Canceled":
        return _cancelled(job, run, notes)
    if job.status == "Failed" and run is not None and may_pass(run.code):
        return Phase.INTERRUPTED, Failure(code=run.code, message=run.message)
    if outcome is not None:
        return Phase.FAILED, Failure(code=outcome.code, message=outcome.message)
    return Phase.FAILED, _without_outcome(job, run, lines)


def _without_outcome(job: Any, run: Run | None, lines: Sequence[str]) -> Failure:
    if job.status == "Failed":
        said = run.message.partition("\n")[0] if run is not None else ""
        code = (run.code if run is not None else "") or "UNKNOWN"
        last = [line for line in lines if not re.match(PROGRESS, line)][-_LAST_LINES:]
        return Failure(code=code, message="\n".join([said, *last]).strip())
    remedy = "the command ended without an outcome; call job.succeed(...) at its end"
    return Failure(code="NO_OUTCOME", message=remedy)


def _cancelled(job: Any, run: Run | None, notes: Notes) -> tuple[Phase, Failure]:
    if notes.given_up:
        message = "no spot machine came in time; the next attempt goes on from the checkpoint"
        return Phase.INTERRUPTED, Failure(code="MAX_WAIT", message=message)
    limit = limit_of(job)
    if limit is not None and run and run.began and run.ended and run.ended - run.began >= limit:
        message = f"still running after {limit}; ask for a longer max_duration or speed it up"
        return Phase.FAILED, Failure(code="MAX_DURATION", message=message)
    return Phase.CANCELLED, Failure(code="CANCELLED", message="cancelled by request")


def _lost(job: Any, run: Run | None, notes: Notes, phase: Phase) -> int:
    """Return how many machines were taken, of those that the job has had."""
    all_lost = is_waiting(job) or phase is Phase.INTERRUPTED
    return max(0, notes.starts - (0 if all_lost else 1))


def machines_of(job: Any) -> Machines:
    """Return what a job runs on."""
    return Machines(
        machine=job.tags.get("bluewater-machine", ""),
        count=getattr(job.resources, "instance_count", None) or 1,
        spot=is_spot(job),
    )


def _usage(job: Any, run: Run | None) -> Usage | None:
    """Return machine time over all nodes, since the last machine came."""
    if run is None or run.began is None:
        return None
    ended = run.ended or datetime.now(run.began.tzinfo)
    count = getattr(job.resources, "instance_count", None) or 1
    return Usage(
        machine=(job.tags or {}).get("bluewater-machine", ""),
        seconds=max(0.001, (ended - run.began).total_seconds()) * count,
        spot=is_spot(job),
    )


def _command(request: TrainingRequest, token: str, options: Options) -> str:
    """Return the line that Azure gives to a shell, with places that it fills in."""
    words = shlex.join(request.command)
    if "${{" in words:
        raise InvalidRequest(
            "command: Azure Machine Learning replaces ${{...}} itself; write it another way",
            code="COMMAND",
        )
    places = {
        "BLUEWATER_SOURCE": "${{inputs.source}}",
        "BLUEWATER_DATA": "${{inputs.data}}",
        "BLUEWATER_CHECKPOINTS": "${{outputs.checkpoints}}",
        "BLUEWATER_OUTPUT": "${{outputs.output}}",
        "BLUEWATER_STARTS": "${{outputs.output}}/" + _starts(token),
    }
    if not options.mlflow_plugin:
        places["MLFLOW_TRACKING_URI"] = _PLAIN_MLFLOW
    told = " ".join(f'{name}="{place}"' for name, place in places.items())
    return f"export {told} && exec python -m blocks.workload.start {words}"


def _inputs(request: TrainingRequest, *, data_is_object: bool) -> dict[str, Any]:
    kind = "uri_file" if data_is_object else "uri_folder"
    return {
        "source": Input(type="uri_folder", path=request.source_uri, mode="download"),
        "data": Input(type=kind, path=request.data_uri, mode="download"),
    }


def _mounted(path: str) -> Any:
    """Return an output that is there at once, since no machine says before it goes."""
    return Output(type="uri_folder", path=path, mode="rw_mount")


def _machines(request: TrainingRequest, options: Options) -> dict[str, Any]:
    machines: dict[str, Any] = {"instance_count": request.nodes}
    if options.cluster:
        machines["compute"] = options.cluster
    else:
        machines["instance_type"] = request.machine
        machines["job_tier"] = "Spot" if request.spot else "Standard"
    if request.nodes > 1:
        machines["distribution"] = PyTorchDistribution(process_count_per_instance=1)
    return machines


def _starts(token: str) -> str:
    return f".job-{token}"


def _environment(image: str) -> Any:
    """Return an image as Azure takes it, or the name of an environment of the workspace."""
    return image if image.startswith("azureml:") else Environment(image=image)


def _variables(request: TrainingRequest, token: str, account: AzureAccount) -> Mapping[str, str]:
    told = {
        **request.env,
        "BLUEWATER_TOKEN": token,
        _OUTPUT: request.output_uri.rstrip("/"),
        "BLUEWATER_PROGRESS": "-",
    }
    if request.parameters:
        told["BLUEWATER_PARAMETERS"] = json.dumps(dict(request.parameters))
    if request.secrets:  # names; a description of the job shows them to everybody who may look
        told["BLUEWATER_VAULT"] = account.vault_url
        told["BLUEWATER_SECRETS"] = ",".join(request.secrets)
        told["BLUEWATER_SECRETS_FROM"] = json.dumps(dict(request.secrets), separators=(",", ":"))
    return told
