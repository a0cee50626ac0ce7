"""Waiting for the world in tests: bounded, and never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(true: Callable[[], object], *, within: float = 60.0, every: float = 0.02) -> None:
    """Return as soon as ``true()`` is; raise TimeoutError after ``within`` seconds."""
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not so within {within} s")
        time.sleep(every)
