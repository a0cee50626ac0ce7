"""Runs a Python program in this very process, where a session waits that no child would find."""

from __future__ import annotations

import io
import os
import runpy
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

PYTHON = ("python", "python3")  # the first word of a command that is a Python program
SPARK = "BLUEWATER_SPARK"  # set where the program is to find the session of its cluster
_OURS = "blocks"


def run_python(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do what ``python ARGUMENTS...`` does, for a file, a zip or ``-m``; return its exit status.

    Our own modules are forgotten before, as in a new process: the program may bring others.
    """
    os.environ.update(environ)
    for name in [each for each in sys.modules if each.partition(".")[0] == _OURS]:
        del sys.modules[name]
    first, *rest = arguments
    try:
        if first == "-m":
            sys.path.insert(0, str(Path.cwd()))
            sys.argv = rest
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(Path(first).resolve().parent))
            sys.argv = [first, *rest]
            runpy.run_path(first, run_name="__main__")
    except SystemExit as end:
        return _status(end)
    except Exception:  # noqa: BLE001 - whatever a program raises is its end, and not ours
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


@contextmanager
def told_to(tell: Callable[[str], None]) -> Iterator[None]:
    """Have each line told that is printed meanwhile."""
    out, errors = _Lines(tell), _Lines(tell)
    try:
        with redirect_stdout(out), redirect_stderr(errors):
            yield
    finally:
        out.close()
        errors.close()


class _Lines(io.TextIOBase):
    """A stream that tells each line once it is whole, or was the last."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._begun = tell, ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            for line in lines:
                self._tell(line)
        return len(text)

    def close(self) -> None:
        if self._begun:
            self._tell(self._begun)
            self._begun = ""


def _status(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1
