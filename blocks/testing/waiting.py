"""Waiting for the world in tests: bounded, and never for a fixed time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

NEVER = float(os.environ.get("BLUEWATER_TESTS_WAIT", "240"))
"""Seconds, on a busy machine, too; pytest stops a test after 300 and says where it is.

Whoever waits for tests to fail, as mutants do, waits less long.
"""
_PATIENT, _RARELY = 0.1, 0.25  # of the time that was waited, and seconds at most


def until(look: Callable[[], T], *, within: float = NEVER, every: float = 0.02) -> T:
    """Return what ``look`` finds, once it is something; raise TimeoutError after ``within``.

    Looks every so many seconds, and more rarely the longer it takes: a look is often a call to a
    server, and takes the processor from what is waited for.
    """
    begun = time.monotonic()
    while not (found := look()):
        waited = time.monotonic() - begun
        if waited > within:
            raise TimeoutError(f"not so within {within} s")
        time.sleep(max(every, min(_PATIENT * waited, _RARELY)))
    return found
