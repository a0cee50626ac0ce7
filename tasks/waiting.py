"""Waiting for long-running work. Waiting may end; the work goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from blocks.contracts import OperationStatus, ProviderError

T = TypeVar("T")

OUTAGE = timedelta(minutes=10)  # for so long a service may be down, and work goes on after


class StillRunning(Exception):
    """The deadline passed. Nothing was cancelled: ask again with the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often to look, and by which clock. Tests bring a clock of their own."""

    every: timedelta = timedelta(seconds=15)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def pause(self, length: timedelta | None = None) -> None:
        """Sleep for ``length``, or for the usual time between two looks."""
        self.sleep((length or self.every).total_seconds())


def wait(
    observe: Callable[[], OperationStatus[T]],
    *,
    within: timedelta,
    pace: Pace,
    seen: Callable[[OperationStatus[T]], None] = lambda _: None,
) -> OperationStatus[T]:
    """Observe until done, telling ``seen`` of each look.

    Passing faults are waited out for as long as the provider asks; others propagate.
    Raises StillRunning after ``within``.
    """
    deadline = pace.clock() + within.total_seconds()
    while True:
        length = pace.every
        try:
            status = observe()
        except ProviderError as error:
            if not error.retryable:
                raise
            length = error.retry_after or pace.every
        else:
            seen(status)
            if status.phase.done:
                return status
            length = min(status.poll_after or pace.every, pace.every)
        if pace.clock() + length.total_seconds() > deadline:
            raise StillRunning(f"not done within {within}; ask again with the same run")
        pace.pause(length)


def patiently(
    call: Callable[[], T],
    *,
    within: timedelta,
    pace: Pace,
) -> T:
    """Make a call that may be repeated, until it no longer meets a passing fault.

    Raises the last fault after ``within``.
    """
    deadline = pace.clock() + within.total_seconds()
    while True:
        try:
            return call()
        except ProviderError as error:
            length = error.retry_after or pace.every
            if not error.retryable or pace.clock() + length.total_seconds() > deadline:
                raise
            pace.pause(length)
