"""A process that has imported everything and forks a world for each line it reads.

Importing what an emulator is built on costs seconds, a fork costs milliseconds. When its input
closes, because the caller is done or dead, it ends every world and itself.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from blocks.contracts import Frozen

A = TypeVar("A", bound=Frozen)


def attend(kind: type[A], folder: Callable[[A], Path], serve: Callable[[A], None]) -> None:
    """Read requests, each a ``kind`` as a line of JSON, until the input closes; serve each."""
    worlds = set[int]()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller's Ctrl-C closes our input
    gc.collect()
    gc.freeze()  # else each world's collector writes to, and so copies, what all have in common
    for line in sys.stdin:
        worlds -= _reaped(worlds)
        if (pid := os.fork()) == 0:
            asked = kind.model_validate_json(line)
            _quiet(folder(asked))
            serve(asked)
            os._exit(0)
        worlds.add(pid)
    for pid in worlds:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for pid in worlds:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _reaped(worlds: set[int]) -> set[int]:
    """Return those that are over."""
    return {pid for pid in worlds if os.waitpid(pid, os.WNOHANG)[0] == pid}


def _quiet(folder: Path) -> None:
    """Let go of the caller's pipe and terminal, so that a world does not look like the zygote."""
    folder.mkdir(parents=True, exist_ok=True)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(folder / "emulator.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number, opened in ((0, nothing), (1, log), (2, log)):
        os.dup2(opened, number)
    os.close(nothing)
    os.close(log)
