"""How long the SDK may wait before it asks again: not at all, or a little while."""

from __future__ import annotations

import sys

from databricks.sdk.clock import RealClock

READS = 4  # more than one attempt: for calls that may be repeated
PATIENCE = 20  # seconds, for what may be repeated


class Hurry(RealClock):  # type: ignore[misc]
    """The clock of clients that ask once: who would wait and ask again gets the error instead."""

    def sleep(self, seconds: float) -> None:
        """Raise what kept the call from being answered; the SDK waits only while it handles it."""
        error = sys.exc_info()[1]
        if error is not None:
            raise error
