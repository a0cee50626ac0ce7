"""The folder of one batch job, and what is written down in it."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.contracts import BatchRequest, BatchResult, Frozen, Phase
from blocks.providers.local.jobs import JobFolder, StopOrder

KIND = "batch-job"


class Job(Frozen):
    """What was asked, written before anything else."""

    token: str
    request: BatchRequest
    created: datetime
    owner: str


class Spawned(Frozen):
    """How often a worker was sent; one that cannot even begin is not sent for ever."""

    times: int


class Progress(Frozen):
    """How far it is, and what it has used."""

    rows: int
    of: int
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


class Ended(Frozen):
    """How it ended; written last."""

    phase: Phase
    code: str = ""
    message: str = ""
    result: BatchResult | None = None
    at: datetime


class BatchFolder(JobFolder):
    """One batch job on disk."""

    kind = KIND


def ended(phase: Phase, code: str = "", message: str = "") -> Ended:
    """Return an end that has no result."""
    return Ended(phase=phase, code=code, message=message, at=datetime.now(UTC))


def gone(order: StopOrder | None) -> Ended:
    """Return the end of a job whose process went without a word."""
    if order is not None:
        return ended(Phase.CANCELLED, "CANCELLED", "cancelled by request")
    return ended(Phase.INTERRUPTED, "MACHINE_GONE", "gone; the next attempt skips finished files")
