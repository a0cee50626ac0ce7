"""Processing on machines that run any command already: as a training job without a model."""

from __future__ import annotations

import abc
import json
from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from blocks.contracts import (
    LogLine,
    OperationRef,
    OperationStatus,
    Phase,
    ProcessingJobs,
    ProcessingRequest,
    ProcessingResult,
    RunKey,
    TrainingJobs,
    TrainingRequest,
)
from blocks.workload.in_process import SPARK
from blocks.workload.process import INPUT, OUTPUT

_START = ("python", "-m", "blocks.workload.process")
_TOKEN, _OUTPUTS = "training-token", "outputs"  # what a reference says besides


class ProcessingByTraining(ProcessingJobs):
    """Processing jobs of a provider whose training jobs see its storage as paths.

    Submitting, watching, stopping and reading logs are those of its training jobs, and so is how
    they are listed and removed.
    """

    provider: ClassVar[str]

    @abc.abstractmethod
    def _training(self) -> TrainingJobs:
        """Return the provider's training jobs, set as this block is."""

    def _submit(self, request: ProcessingRequest, token: str) -> OperationRef:
        key = RunKey(run=token, step="process")
        made = self._training().submit(to_training_request(request), key=key)
        told = {_TOKEN: made.token, _OUTPUTS: json.dumps(dict(request.outputs), sort_keys=True)}
        scope = {**made.scope, **told}
        return made.model_copy(
            update={"capability": self.capability, "token": token, "scope": scope}
        )

    def _status(self, ref: OperationRef) -> OperationStatus[ProcessingResult]:
        seen = self._training().status(_behind(ref))
        result = None
        if seen.phase is Phase.SUCCEEDED:
            result = ProcessingResult(outputs=json.loads(ref.scope.get(_OUTPUTS, "{}")))
        told = {name: getattr(seen, name) for name in type(seen).model_fields if name != "result"}
        return OperationStatus[ProcessingResult](result=result, **told)

    def _cancel(self, ref: OperationRef) -> None:
        self._training().cancel(_behind(ref))

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        yield from self._training().logs(_behind(ref), since=since)


def to_training_request(request: ProcessingRequest) -> TrainingRequest:
    """Return the training job that does what is asked; its last word lies beside an output."""
    beside = f"{request.outputs[min(request.outputs)].rstrip('/')}.job"
    return TrainingRequest(
        image=request.image,
        source_uri=request.source_uri,
        command=(*_START, *request.command),
        env={
            **request.env,
            **{f"{INPUT}{name.upper()}": uri for name, uri in request.inputs.items()},
            **{f"{OUTPUT}{name.upper()}": uri for name, uri in request.outputs.items()},
            **({SPARK: "yes"} if request.spark else {}),
        },
        secrets=request.secrets,
        machine=request.machine,
        data_uri=request.source_uri,  # every input goes by its name
        checkpoint_uri=f"{beside}/checkpoints",  # none is written
        output_uri=beside,
        max_duration=request.max_duration,
    )


def _behind(ref: OperationRef) -> OperationRef:
    """Return the reference to the training job."""
    scope = {name: value for name, value in ref.scope.items() if name not in (_TOKEN, _OUTPUTS)}
    told = {
        "capability": TrainingJobs.capability,
        "token": ref.scope.get(_TOKEN, ref.token),
        "scope": scope,
    }
    return ref.model_copy(update=told)
