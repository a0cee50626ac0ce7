"""A worker that dies does not take its flow run with it.

What a run prints goes through a pipe to its worker. Once nobody reads there, Prefect's console ends
the process at the next line (``rich.console.Console.on_broken_pipe``), and a ``print`` raises, in
the middle of the work.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import TextIO

from prefect.logging.handlers import PrefectConsoleHandler
from typing_extensions import Buffer

OUTPUT, ERRORS = 1, 2


class _Lasting(io.FileIO):
    """A stream that falls silent when its reader is gone."""

    def write(self, content: Buffer, /) -> int:
        """Write; return how many bytes are done with."""
        try:
            return super().write(content)
        except BrokenPipeError:
            _silence()
            return memoryview(content).nbytes


def outlive_reader() -> None:
    """Go on in silence, from here on, where whoever reads our output is gone."""
    sys.stdout, sys.stderr = _lasting(OUTPUT), _lasting(ERRORS)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.console.on_broken_pipe = _silence  # type: ignore[method-assign]


def _lasting(stream: int) -> TextIO:
    raw = _Lasting(stream, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (OUTPUT, ERRORS):
        os.dup2(nowhere, stream)
    os.close(nowhere)
