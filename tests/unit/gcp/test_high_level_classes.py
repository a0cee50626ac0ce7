"""Code that never heard of us runs against the emulated project: only the address is another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.providers.gcp.emulator import launch
from blocks.providers.gcp.emulator.launch import Project


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Project]:
    with launch.project(tmp_path / "gcp", preloaded=True, grace=1.0) as project:
        yield project


def said(emulator: Project, script: str, *more: str) -> Any:
    """Run a script as somebody does on a machine of the project; return its last line."""
    host = emulator.url.removeprefix("http://")
    environment = {
        **os.environ,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(emulator.ca_file),
        "STORAGE_EMULATOR_HOST": emulator.url,
        "GCE_METADATA_HOST": host,
        "GCE_METADATA_IP": host,
        "CLOUDSDK_CONFIG": str(emulator.folder),
    }
    environment.pop("GOOGLE_APPLICATION_CREDENTIALS", None)
    address = emulator.endpoint.removeprefix("https://")
    file = Path(__file__).with_name(script)
    ran = subprocess.run(
        [sys.executable, file, emulator.project, emulator.location, address, *more],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert emulator.unknown() == []
    return json.loads(ran.stdout.splitlines()[-1])


def test_the_steps_of_googles_samples_work_with_the_high_level_classes(emulator: Project) -> None:
    assert said(emulator, "high_level.py", "samples") == {
        "job": "JOB_STATE_SUCCEEDED",
        "tuned": "JOB_STATE_SUCCEEDED 2 True",
        "versions": ["1", "2"],
        "scored": "JOB_STATE_SUCCEEDED [0.0, 0.0, 0.0]",
        "split": [10, 90],
        "predictions": [0.0, 0.0],
        "left": ["green"],
        "endpoints": 0,
    }


def test_the_steps_of_googles_samples_work_with_the_generated_clients(emulator: Project) -> None:
    assert said(emulator, "generated_clients.py") == {
        "job": "JOB_STATE_SUCCEEDED",
        "search": "JOB_STATE_CANCELLED",
        "split": [80, 20],
        "answered": True,
        "predictions": [0.0, 0.0],
        "left": [],
    }
