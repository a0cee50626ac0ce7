"""The project that people copy from the page is planned and trained as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.workload import read_outcome
from tasks.specification.loading import load
from tasks.validation.suite import read_suite

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/YOUR_PROJECT.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files of the page, and the data that its code makes."""
    prepare, train, request = blocks("python")
    (tmp_path / "code").mkdir()
    for name, (content,) in {
        "prepare.py": [prepare],
        "code/train.py": [train],
        "request.py": [request],
        "suite.json": blocks("json"),
        "release.yaml": blocks("yaml"),
    }.items():
        (tmp_path / name).write_text(content)
    for script in ("prepare.py", "request.py"):
        subprocess.run([sys.executable, script], cwd=tmp_path, check=True)
    return tmp_path


def test_the_project_of_the_page_is_whole_and_trains(project: Path) -> None:
    spec = load(project / "release.yaml")
    assert [uri for _, uri in spec.places() if not Path(uri.removeprefix("file://")).exists()] == []
    _, lines = read_suite((project / "suite.json").read_bytes(), ["target", "mean radius"])
    assert len(lines) == 3
    environ = {
        **os.environ,
        "BLUEWATER_DATA": str(project / "data" / "train.parquet"),
        "PYTHONPATH": str(ROOT),
    }
    subprocess.run(
        [sys.executable, "train.py"], cwd=project / "code", env=environ, check=True, text=True
    )
    outcome = read_outcome(project / "code" / "output")
    assert outcome is not None and outcome.ok
    assert outcome.metrics["accuracy"] > 0.9
    assert (project / "code" / "output" / "model" / "MLmodel").exists()
