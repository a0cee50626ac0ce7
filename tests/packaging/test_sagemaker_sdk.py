"""The SageMaker SDK, in an environment of its own: it is large, and wants older versions."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.packaging.environments import ROOT, built, installed

RUNNER = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "pip")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_the_sdk_does_is_done_where_its_extra_is_installed(tmp_path: Path) -> None:
    python = installed(built(tmp_path), "sagemaker,aws-rehearsal", tmp_path / "env", *RUNNER)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "--timeout=1800", "tests/unit/aws/sdk"],
        cwd=ROOT,
        env={**kept, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
