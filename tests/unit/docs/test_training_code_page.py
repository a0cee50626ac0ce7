"""The training code that people copy from the page runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.workload import read_outcome

ROOT = Path(__file__).parents[3]


def test_the_code_on_the_page_trains_by_itself(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs/TRAINING_CODE.md").read_text(), re.S)
    assert found is not None
    (tmp_path / "train.py").write_text(found[1])
    (tmp_path / "rows.txt").write_text("1\n2\n3\n")
    environ = {"BLUEWATER_DATA": "rows.txt", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, env=environ, check=True)
    outcome = read_outcome(tmp_path / "output")
    assert outcome is not None and outcome.ok
    assert outcome.metrics["mean"] == pytest.approx(39 / 20)
    assert (tmp_path / "output" / "model" / "weights.json").exists()
