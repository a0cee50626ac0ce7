"""The time that a batch job's container may take, importing what it needs included."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from types import FrameType

import psutil

from blocks.cloud.batch_notes import Said


class Overdue(BaseException):
    """It takes longer than was allowed."""


def end_after(allowed: timedelta) -> None:
    """Have Overdue raised in the main thread once this process is older than is allowed."""
    signal.signal(signal.SIGALRM, _overdue)
    left = allowed.total_seconds() - age()
    signal.setitimer(signal.ITIMER_REAL, max(0.001, left))


def no_end() -> None:
    """Let it take its time from now on."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def too_long(allowed: timedelta) -> Said:
    """Return the last words of a container that is overdue."""
    message = f"still running after {allowed}; ask for a longer max_duration"
    return Said(code="MAX_DURATION", message=message)


def age() -> float:
    """Return the seconds since this process began."""
    return time.time() - float(psutil.Process().create_time())


def _overdue(_number: int, _frame: FrameType | None) -> None:
    raise Overdue
