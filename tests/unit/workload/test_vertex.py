"""The first program of a Vertex AI container, run as Vertex AI runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
START = f"{FULL}; import runpy; runpy.run_module('blocks.workload.vertex', run_name='__main__')"


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a job whose code says that it runs."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("print('it runs')")
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BLUEWATER_SOURCE": str(tmp_path / "code"),
        "BLUEWATER_STARTS": str(tmp_path / "output" / "starts"),
    }


def started(job: dict[str, str], *how: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *(how or ("-m", "blocks.workload.vertex")), "python", "train.py"]
    return subprocess.run(words, env=job, capture_output=True, text=True, check=False)


def test_each_start_is_counted_before_the_command_runs(job: dict[str, str]) -> None:
    for number in ("1", "2"):
        assert started(job).stdout == "it runs\n"
        assert Path(job["BLUEWATER_STARTS"]).read_text() == number


def test_a_start_that_cannot_be_written_down_leaves_the_count_and_the_next_one_runs(
    job: dict[str, str],
) -> None:
    assert started(job).returncode == 0
    cut_off = started(job, "-c", START)
    assert "File too large" in cut_off.stderr
    assert started(job).stdout == "it runs\n"
    assert Path(job["BLUEWATER_STARTS"]).read_text() == "2"
