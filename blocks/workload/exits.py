"""What an exit status means for a job that left no word of its own."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from blocks.workload.outcome import INTERRUPTED_EXIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A reading of an exit status."""

    interrupted: bool
    code: str
    message: str


def read_exit(status: int, last_lines: str) -> Exit:
    """Return what a status means; negative ones are signals, as ``subprocess`` tells them."""
    if status == INTERRUPTED_EXIT:
        return Exit(interrupted=True, code="NOTICE", message="stopped after a notice")
    if status == 0:
        remedy = "the command ended without an outcome; call job.succeed(...) at its end"
        return Exit(interrupted=False, code="NO_OUTCOME", message=remedy)
    if status < 0:
        known = {number.value: number.name for number in signal.Signals}
        name = known.get(-status, f"SIGNAL_{-status}")  # real-time signals have no name
        hint = "; memory may have run out" if name == "SIGKILL" else ""
        message = f"killed by {name}{hint}\n{last_lines}"
        return Exit(interrupted=False, code=name, message=message.strip())
    return Exit(interrupted=False, code=f"EXIT_{status}", message=last_lines.strip())
