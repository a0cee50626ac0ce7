"""Changes of a service that others change, too: tried until they are made, or take too long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from blocks.contracts import Unavailable
from blocks.providers.gcp.errors import PASSING, explain
from blocks.providers.gcp.run.services import CHANGED

T = TypeVar("T")

_LOOK_EVERY = 0.2  # seconds


def insisted(attempt: Callable[[], T | None], endpoint: str, *, within: float) -> T:
    """Try until there is an answer; what others change meanwhile is looked at again.

    After an error that passes it may have been done: the next attempt has to look. Raises that
    error, as ours, after so many seconds.
    """
    end = time.monotonic() + within
    while True:
        try:
            if (done := attempt()) is not None:
                return done
        except (*CHANGED, *PASSING) as error:
            if time.monotonic() > end:
                busy = Unavailable(f"{endpoint!r} is being changed", code="BUSY")
                raise (explain(error) or busy) from error
        time.sleep(_LOOK_EVERY)
