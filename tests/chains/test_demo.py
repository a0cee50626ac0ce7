"""What ``make demo`` shows a newcomer, seen to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.providers.local import processes
from blocks.workspace import owner_of
from tests.chains.command import ROOT, run


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demo_resumes_its_training_goes_live_and_leaves_nothing(workspace: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "examples.flights.demo"],
        cwd=ROOT,
        env={**os.environ, "BLUEWATER_HOME": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = told.stdout + told.stderr
    assert told.returncode == 0, said[-3000:]
    assert "the machine was taken back" in said
    assert "live version 2 of flights-late" in said
    assert ", 0 of them lost" in said
    assert "while it loads" not in said, "the model of the example raises a warning"
    logs = [log.read_text() for log in workspace.glob("jobs/*/output.log")]
    assert len(logs) == 3  # the first version's, the one that was taken, the one that went on
    assert sum("resumed after" in log for log in logs) == 1
    run("down", "--yes", workspace=workspace, api="")
    assert not list(processes.owned(owner_of(workspace)))
