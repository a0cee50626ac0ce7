"""Run training code somewhere, survive interruptions, get a model back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from blocks.contracts.errors import Unsupported
from blocks.contracts.jobs import LoggedJobs
from blocks.contracts.operation import Frozen, added_field
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
    study: Study | None = added_field(None)  # hyperparameters to search, beside ``parameters``


class TrainingResult(Frozen):
    """Where the model is, and what the training code said of it."""

    model_uri: str
    digest: str = ""  # sha256 of the model folder, as ``blocks.workload.digest`` computes it
    metrics: Mapping[str, float] = {}
    parameters: Mapping[str, str] = {}  # what a study found best; empty without one


class TrainingJobs(LoggedJobs[TrainingRequest, TrainingResult]):
    """Start, watch and stop training jobs."""

    capability: ClassVar[str] = "training"
    features: ClassVar[TrainingFeatures]

    def _require(self, request: TrainingRequest) -> None:
        self.features.require(request)
