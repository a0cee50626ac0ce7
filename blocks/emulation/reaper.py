"""Ends the containers of an emulator that was killed before it could.

A program of its own, of the standard library alone: ``python reaper.py``. Each line of its input
names the containers that run, by the ids of their groups; when the input closes, the emulator is
gone, and so is whatever the last whole line named.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path


def born(pid: int) -> str:
    """Return when a process was started, in ticks since boot; empty where nobody tells.

    A number is given to another process once its first one is gone; this tells them apart.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def attend(lines: Iterable[str]) -> dict[int, str]:
    """Read who runs until the input closes; return those who did then, and when they were born."""
    running: dict[int, str] = {}
    for line in lines:
        if line.endswith("\n"):
            pids = map(int, line.split())
            running = {pid: running.get(pid) or born(pid) for pid in pids}
    return running


def main() -> None:
    """Wait for the end of the emulator, and end what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the end of its input is the only end it has
    for pid, then in attend(sys.stdin).items():
        if born(pid) in (then, ""):  # without its first process a group keeps the number
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
