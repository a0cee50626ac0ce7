"""The processes that worlds are forked from: started when first asked, gone with the last to ask.

A zygote reads what it is asked from a named pipe, which all processes that are told the same folder
share: tests that run beside each other import each emulator once.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

SHARED = "BLUEWATER_ZYGOTES"  # the folder; without it, zygotes are this process's own
_HOME = Path(__file__).resolve().parents[2]
_started: list[subprocess.Popen[bytes]] = []


def ask(package: str, asked: Mapping[str, Any]) -> None:
    """Let the zygote of an emulator's package fork a world. Raises BrokenPipeError if it died."""
    line = json.dumps(asked).encode() + b"\n"  # shorter than what a pipe takes in one piece
    os.write(_pipe(package), line)


def lives(package: str) -> bool:
    """Whether there is a zygote of a package that was asked before."""
    try:
        os.close(os.open(_place(package), os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # nobody reads it
        return False
    return True


@functools.cache
def _pipe(package: str) -> int:
    """Return the end of the pipe to write to. As long as one process has it, the zygote lives."""
    pipe = _place(package)
    with FileLock(f"{pipe}.lock"):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads it yet, or any more
            return _start(package, pipe)


def _place(package: str) -> Path:
    return Path(os.environ.get(SHARED) or _own()) / package


def _start(package: str, pipe: Path) -> int:
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # else it waits for a writer
    writing = os.open(pipe, os.O_WRONLY)
    os.set_blocking(reading, True)
    command = [sys.executable, "-m", package, "--zygote"]
    _started.append(subprocess.Popen(command, cwd=_HOME, stdin=reading, start_new_session=True))
    os.close(reading)
    return writing


@functools.cache
def _own() -> str:
    """Return a folder for this process alone, which is gone when it is."""
    folder = tempfile.mkdtemp(prefix="bluewater-")
    atexit.register(shutil.rmtree, folder)
    return folder
