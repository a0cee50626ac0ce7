"""Runs conformance tests on a copy of the packages, each time in a process forked for it.

Importing what is not ours takes seconds, and it is the same for every mutant: one process does so,
and all others are forked from it before they import anything of ours.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PROVIDER = "local"  # whose tests are the quickest; what is shared is shared by all
PATIENCE = 180.0  # seconds for the killers of one mutant
WAIT = 30  # seconds that a test waits for what a mutant may never let happen
PYTEST = ("-q", "-x", "-rf", "--tb=line", "-k", PROVIDER)
SOME_FAILED, ALL_PASSED = 1, 0  # pytest's exit codes
NOT_THE_COPY = 64  # none of pytest's

_PROCESSES = multiprocessing.get_context("forkserver")
_PRELOADED = (
    *("pytest", "hypothesis", "prefect.main", "mlflow.pyfunc", "duckdb", "sklearn.ensemble"),
    *(each.module for each in entry_points(group="prefect.collections")),  # with the first block
    # what providers and emulators import, of which the registry tells the tests
    *("azure.ai.ml", "boto3", "databricks.sdk", "flask", "uvicorn"),
    *("google.cloud.aiplatform_v1", "google.cloud.run_v2"),
)


def preload() -> None:
    """Say what is imported once; before the first run."""
    _PROCESSES.set_forkserver_preload(list(_PRELOADED))


def run(place: Path, killers: Sequence[str], *, patience: float = PATIENCE) -> tuple[int, str]:
    """Run tests in a copy; return pytest's exit code and its words."""
    tests = []
    for killer in killers:
        module, _, test = killer.partition("::")
        tests.append(f"tests/conformance/test_{module}.py::{test}")
    words = place / "words"
    process = _PROCESSES.Process(target=_tested, args=(place, [*PYTEST, *tests], words))
    process.start()
    process.join(patience)
    if process.is_alive():
        process.kill()
        process.join()
        return -1, "it hangs"
    return process.exitcode or 0, words.read_text()


def _tested(place: Path, arguments: Sequence[str], words: Path) -> None:
    """Run pytest on what is in a copy, in a process that is forked for it."""
    with words.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(place)
    os.environ.update(
        PYTHONPATH=str(place), PYTHONDONTWRITEBYTECODE="1", BLUEWATER_TESTS_WAIT=str(WAIT)
    )
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(place))
    blocks = import_module("blocks")
    if Path(blocks.__path__[0]) != place / "blocks":
        print(f"the copy is not what is imported: {blocks.__path__}")
        sys.exit(NOT_THE_COPY)
    sys.exit(int(pytest.main(list(arguments))))
