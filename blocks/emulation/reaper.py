"""Ends the containers of an emulator that was killed before it could.

A program of its own, of the standard library alone: ``python reaper.py``. Each line of its input
names the containers that run, by the ids of their groups; when the input closes, the emulator is
gone, and so is whatever the last whole line named. One whose programs may leave its group is named
with a mark, ``123:NAME=value``: all that have it in their environment end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

ENDLESS = 100  # rounds; one that is to end may just be starting another


def born(pid: int) -> str:
    """Return when a process was started, in ticks since boot; empty where nobody tells.

    A number is given to another process once its first one is gone; this tells them apart.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def marked(mark: str) -> Iterator[int]:
    """Yield the processes that have ``NAME=value`` in their environment."""
    wanted = mark.encode()
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (place / "environ").read_bytes().split(b"\0"):
                    yield int(place.name)


def attend(lines: Iterable[str]) -> tuple[dict[int, str], list[str]]:
    """Read who runs until the input closes; return those who did then, and their marks.

    Of each it is told when it was born.
    """
    running: dict[int, str] = {}
    marks: list[str] = []
    for line in lines:
        if line.endswith("\n"):
            words = [word.partition(":") for word in line.split()]
            running = {int(pid): running.get(int(pid)) or born(int(pid)) for pid, _, _ in words}
            marks = [mark for _, _, mark in words if mark]
    return running, marks


def end(running: Mapping[int, str], marks: Iterable[str]) -> None:
    """Kill these groups, and whatever carries one of the marks."""
    for pid, then in running.items():
        if born(pid) in (then, ""):  # without its first process a group keeps the number
            _kill(os.killpg, pid)
    for mark in marks:
        for _ in range(ENDLESS):
            left = list(marked(mark))
            if not left:
                break
            for pid in left:
                _kill(os.kill, pid)


def _kill(how: Callable[[int, int], None], pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        how(pid, signal.SIGKILL)


def main() -> None:
    """Wait for the end of the emulator, and end what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the end of its input is the only end it has
    end(*attend(sys.stdin))


if __name__ == "__main__":
    main()
