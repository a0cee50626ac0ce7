"""Long-running work: a handle that outlives its orchestrator, and its status."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Phase(StrEnum):
    """Where a piece of work stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # capacity was taken back; submitting the next attempt resumes
    CANCELLED = "cancelled"

    @property
    def done(self) -> bool:
        """Whether the phase is final."""
        return self not in (Phase.QUEUED, Phase.RUNNING)


class Frozen(BaseModel):
    """Base of every value that crosses a process border: immutable, unknown keys refused.

    Not-a-number is written as a text: as null, which is pydantic's way, no float could be read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


def added_field(default: Any, **told: Any) -> Any:
    """Return the default of a field that a request or a specification did not always have.

    At its default no word is said of it, so that tokens and digests stay what they were: a run that
    waits while bluewater is upgraded finds the job that it has started. Defaults are immutable.
    """
    return Field(default=default, exclude_if=lambda value: value == default, **told)


class RunKey(Frozen):
    """Names one attempt at one step of one run, so that asking twice does it once."""

    run: str
    step: str
    attempt: int = 0

    def next(self) -> RunKey:
        """Return the key of the attempt after this one."""
        return self.model_copy(update={"attempt": self.attempt + 1})

    def token(self, request: BaseModel) -> str:
        """Return the client token: same key and request, same token; else another.

        The request is part of it, so one token can never name two requests. A field that is new in
        a request is declared by ``added_field``.
        """
        parts = [self.run, self.step, self.attempt, request.model_dump(mode="json")]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class OperationRef(Frozen):
    """Where a piece of work lives. Plain JSON: keep it, send it, reattach with it."""

    provider: str
    capability: str
    id: str
    token: str
    scope: Mapping[str, str] = {}


class Failure(Frozen):
    """Why a piece of work failed, in the provider's code and words."""

    code: str
    message: str


class Usage(Frozen):
    """What was consumed, as the provider meters it."""

    machine: str
    zone: str = ""  # where it ran, if the provider says so
    seconds: float
    billed_seconds: float | None = None
    spot: bool = False
    discounted: bool = False  # fewer seconds are billed than were used, at the price on demand
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None


class OperationStatus(Frozen, Generic[T]):
    """One observation. A failed job is data here, never an exception."""

    phase: Phase
    result: T | None = None
    failure: Failure | None = None
    interruptions: int = 0
    usage: Usage | None = None
    progress: float | None = None  # share done in 0..1, where the work reports it
    poll_after: timedelta | None = None
