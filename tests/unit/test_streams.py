"""A flow run goes on when whoever reads its output is gone: its worker was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WORK = """
import logging, sys
from pathlib import Path
import prefect
import flows
print("here", flush=True)
sys.stdin.readline()
for _ in range(3):
    logging.getLogger("prefect.flow_runs").info("on with it")
    print("and some words of a library", flush=True)
Path(sys.argv[1]).touch()
"""


@pytest.mark.parametrize("run", ["", "a-run-of-a-worker"])
def test_a_run_of_a_worker_outlives_it_and_a_command_ends_with_its_reader(
    run: str, tmp_path: Path
) -> None:
    told = {"PREFECT__FLOW_RUN_ID": run, "PREFECT_LOGGING_TO_API_ENABLED": "false"}
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(tmp_path / "done")],
        cwd=ROOT,
        env={**os.environ, **told},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.stdout.close()  # as a worker does that is killed
    process.stdin.write("\n")
    process.stdin.close()
    ended = process.wait(timeout=240)
    assert (ended == 0) is bool(run)
    assert (tmp_path / "done").exists() is bool(run)
