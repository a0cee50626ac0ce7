"""Run training code somewhere, survive interruptions, get a model back."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, final

from pydantic import Field

from blocks.contracts.base import Contract
from blocks.contracts.errors import Unsupported
from blocks.contracts.operation import Frozen, OperationRef, OperationStatus, RunKey
from blocks.contracts.study import Study


class Idempotency(StrEnum):
    """How a provider makes asking twice harmless."""

    NATIVE = "native"  # the API takes a token
    NAMED = "named"  # names are unique, and ours is made from the token
    LISTED = "listed"  # we search by tag first; two callers at once may both create


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFeatures:
    """What a provider's training jobs can do. The suite checks every field both ways."""

    idempotency: Idempotency
    spot: bool
    multi_node: bool
    zones: bool  # a request may name the zone where it runs
    studies: bool  # a request may be for a search of the best hyperparameters
    max_duration: timedelta | None  # the longest job the provider runs; None = no limit

    def require(self, request: TrainingRequest) -> None:
        """Raise Unsupported for the first thing asked that is not on offer."""
        if request.spot and not self.spot:
            raise Unsupported("no spot capacity here; set spot=False", code="SPOT")
        if request.zone and not self.zones:
            raise Unsupported(
                f'a job cannot be sent to a zone here ({request.zone!r} asked); set zone=""',
                code="ZONE",
            )
        if request.nodes > 1 and not self.multi_node:
            raise Unsupported(
                f"one node only, {request.nodes} asked; set nodes=1", code="MULTI_NODE"
            )
        if request.study is not None and not self.studies:
            raise Unsupported(
                "one training at a time here, no search for hyperparameters; set study=None",
                code="STUDY",
            )
        if self.max_duration is not None and request.max_duration > self.max_duration:
            raise Unsupported(
                f"jobs end after {self.max_duration}; ask for less", code="MAX_DURATION"
            )


class TrainingRequest(Frozen):
    """One training run, in words every provider understands."""

    image: str = ""  # container image; empty where the provider runs its own environment
    source_uri: str  # folder with the training code; the working directory of the command
    command: tuple[str, ...] = Field(min_length=1)
    parameters: Mapping[str, str] = {}  # hyperparameters, read by ``blocks.workload``
    env: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}  # environment variable -> name in the secret store
    machine: str
    nodes: int = Field(default=1, ge=1)
    spot: bool = False
    zone: str = ""  # where it must run, in the provider's words; empty = anywhere
    data_uri: str
    checkpoint_uri: str  # shared by all attempts of one run
    output_uri: str  # model and outcome file
    max_duration: timedelta = timedelta(hours=12)  # of one job; in a study, of one trial
    study: Study | None = Field(default=None, exclude_if=lambda study: study is None)
    """Hyperparameters to be searched, on top of ``parameters``; no word of it where there is none,
    so that a request without one has the token that it always had."""


class TrainingResult(Frozen):
    """Where the model is, and what the training code said of it."""

    model_uri: str
    digest: str = ""  # sha256 of the model folder, as ``blocks.workload.digest`` computes it
    metrics: Mapping[str, float] = {}
    parameters: Mapping[str, str] = {}  # what a study found best; empty without one


class LogLine(Frozen):
    """One line that the job wrote."""

    at: datetime
    text: str


class TrainingJobs(Contract):
    """Start, watch and stop training jobs.

    Calls return at once; nothing here waits. Waiting is the task's business.
    """

    capability: ClassVar[str] = "training"
    features: ClassVar[TrainingFeatures]

    @final
    def submit(self, request: TrainingRequest, *, key: RunKey) -> OperationRef:
        """Start a job, or return the one already started under this key.

        Raises:
            Unsupported: before any network call, if ``features`` rules it out.
            NoCapacity: nothing was started; another zone or provider may do.
        """
        with self._calling("submit"):
            self.features.require(request)
            return self._submit(request, key.token(request))

    @final
    def status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        """Observe the job once. A job that failed is a status, not an exception.

        Raises NotFound for a job that never existed here.
        """
        with self._calling("status"):
            return self._status(ref)

    @final
    def cancel(self, ref: OperationRef) -> None:
        """Ask the job to stop. Cancelling a finished or unknown job does nothing."""
        with self._calling("cancel"):
            self._cancel(ref)

    @final
    def logs(self, ref: OperationRef, *, since: datetime | None = None) -> Iterator[LogLine]:
        """Yield what the job wrote after ``since``, oldest first, up to what is there now."""
        with self._calling("logs"):
            yield from self._logs(ref, since)

    @abc.abstractmethod
    def _submit(self, request: TrainingRequest, token: str) -> OperationRef: ...
    @abc.abstractmethod
    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]: ...
    @abc.abstractmethod
    def _cancel(self, ref: OperationRef) -> None: ...
    @abc.abstractmethod
    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]: ...
