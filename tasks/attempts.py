"""A job and its next attempts, until one of them is not lost with its machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from blocks.contracts import Frozen, OperationRef, OperationStatus, Phase, RunKey
from blocks.contracts.jobs import Jobs
from tasks.waiting import OUTAGE, Pace, patiently, wait

Q = TypeVar("Q", bound=Frozen)
A = TypeVar("A", bound=Frozen)


def last_attempt(
    jobs: Jobs[Q, A],
    request: Q,
    *,
    key: RunKey,
    within: timedelta,
    pace: Pace,
    seen: Callable[[OperationStatus[A]], None] = lambda _: None,
    interruptions_allowed: int | None = None,
) -> tuple[OperationRef, OperationStatus[A]]:
    """Submit, wait for the end, and go on with the next attempt where a machine was lost.

    ``within`` is for each attempt; no limit of interruptions means to go on for ever. Asked again
    with the same key, it finds the same jobs.
    """
    while True:
        ref = patiently(partial(jobs.submit, request, key=key), within=OUTAGE, pace=pace)
        status = wait(partial(jobs.status, ref), within=within + OUTAGE, pace=pace, seen=seen)
        enough = interruptions_allowed is not None and key.attempt >= interruptions_allowed
        if status.phase is not Phase.INTERRUPTED or enough:
            return ref, status
        key = key.next()


def why(status: OperationStatus[A]) -> str:
    """Return in few words why an attempt did not end well."""
    failure = status.failure
    return f"{failure.code}: {failure.message}" if failure else status.phase.value
