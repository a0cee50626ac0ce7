"""Commands in processes that may be killed at any time, and that cost no imports to start again.

Each is forked from a process that has imported what a release needs, and has done nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from prefect.context import refresh_global_settings_context

from blocks.workspace import HOME
from flows.cli import main
from tests.chains.command import ROOT

PRELOADED = (
    "flows.commands.release",
    "great_expectations",
    "mlflow.pyfunc",
    "blocks.registries.mlflow_registry",
    "tests.crashes.providers",
    __name__,
)
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(list(PRELOADED))


class WarmCommand:
    """One run of ``bluewater``, in a process of its own."""

    def __init__(
        self, words: Sequence[str], *, workspace: Path, api: str, said: Path, **environment: str
    ) -> None:
        told = {**os.environ, **environment, HOME: str(workspace), "PREFECT_API_URL": api}
        self._said = said
        self._process = _FORKING.Process(target=_run, args=(list(words), told, said))
        self._process.start()

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """End it with SIGKILL; return when it is gone."""
        self._process.kill()
        self._process.join()

    @property
    def last_words(self) -> str:
        """The end of what it wrote to its streams."""
        return self._said.read_text(errors="replace")[-300:]


def _run(words: Sequence[str], environment: Mapping[str, str], said: Path) -> None:
    """Be the command: with these streams, this environment, and Prefect's settings out of it."""
    with said.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    refresh_global_settings_context()
    sys.argv = ["bluewater", *words]
    main()
