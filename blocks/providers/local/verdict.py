"""How a job ended, from its exit status, its own last word and what was ordered."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.contracts import Phase, TrainingResult
from blocks.providers.local.jobs import Ended, Job, StopOrder, StopReason
from blocks.providers.local.paths import path_of
from blocks.workload import Outcome, UnreadableOutcome, read_outcome
from blocks.workload.exits import read_exit


def judge(
    job: Job, *, exit_status: int | None, order: StopOrder | None, last_lines: str = ""
) -> Ended:
    """Return the end of a job whose processes are gone; no exit status means nobody saw it go."""
    try:
        outcome = read_outcome(path_of(job.request.output_uri), job.token)
    except UnreadableOutcome as error:
        return _ended(Phase.FAILED, "UNREADABLE_OUTCOME", str(error), exit_status)
    if outcome is not None and outcome.ok:
        return _succeeded(outcome, exit_status)
    if order is not None:
        return _ordered(job, order, exit_status)
    if outcome is not None:
        return _ended(Phase.FAILED, outcome.code, _said(outcome, last_lines), exit_status)
    return _silent(exit_status, last_lines)


def _succeeded(outcome: Outcome, exit_status: int | None) -> Ended:
    return Ended(
        phase=Phase.SUCCEEDED,
        exit_status=exit_status,
        at=datetime.now(UTC),
        result=TrainingResult(
            model_uri=outcome.model_uri, digest=outcome.digest, metrics=outcome.metrics
        ),
    )


def _ordered(job: Job, order: StopOrder, exit_status: int | None) -> Ended:
    if order.reason is StopReason.CANCELLED:
        return _ended(Phase.CANCELLED, "CANCELLED", "cancelled by request", exit_status)
    if order.reason is StopReason.RECLAIMED:
        return _ended(Phase.INTERRUPTED, "RECLAIMED", "the machine was taken back", exit_status)
    limit = job.request.max_duration
    message = f"still running after {limit}; ask for a longer max_duration or speed it up"
    return _ended(Phase.FAILED, "MAX_DURATION", message, exit_status)


def _silent(exit_status: int | None, last_lines: str) -> Ended:
    """Judge a job that left no outcome and that nobody told to end."""
    if exit_status is None:
        return _ended(Phase.INTERRUPTED, "MACHINE_GONE", "gone without an outcome", None)
    found = read_exit(exit_status, last_lines)
    phase = Phase.INTERRUPTED if found.interrupted else Phase.FAILED
    return _ended(phase, found.code, found.message, exit_status)


def _said(outcome: Outcome, last_lines: str) -> str:
    return outcome.message or last_lines


def _ended(phase: Phase, code: str, message: str, exit_status: int | None) -> Ended:
    return Ended(
        phase=phase,
        code=code,
        message=message.strip(),
        exit_status=exit_status,
        at=datetime.now(UTC),
    )
