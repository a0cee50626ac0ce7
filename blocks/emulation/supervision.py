"""What an emulator tells the program that ends its containers should it be killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_REAPER = Path(__file__).with_name("reaper.py")


class Supervision:
    """A reaper, started with the first container. Used under the lock of who knows them all."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def tell(self, running: Iterable[int | str]) -> None:
        """Let it know which containers run now, and no other: ``pid`` or ``pid:NAME=value``."""
        line = " ".join(map(str, running)) + "\n"
        if self._process is None or self._process.poll() is not None:
            self._process = self._started()
        stdin = self._process.stdin
        if stdin is not None:
            stdin.write(line.encode())
            stdin.flush()

    def end(self) -> None:
        """Let it go; what runs now is somebody else's business."""
        if self._process is not None:
            self._process.communicate(b"\n")
            self._process = None

    @staticmethod
    def _started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_REAPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # nobody's Ctrl-C is meant for it
        )
