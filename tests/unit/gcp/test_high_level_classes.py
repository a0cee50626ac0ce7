"""Code that never heard of us runs against the emulated project: only the address is another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from blocks.providers.gcp.emulator import launch


def test_the_steps_of_googles_samples_work_with_the_address_changed(tmp_path: Path) -> None:
    with launch.project(tmp_path / "gcp", preloaded=True, grace=1.0) as emulator:
        host = emulator.url.removeprefix("http://")
        environment = {
            **os.environ,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(emulator.ca_file),
            "STORAGE_EMULATOR_HOST": emulator.url,
            "GCE_METADATA_HOST": host,
            "GCE_METADATA_IP": host,
            "CLOUDSDK_CONFIG": str(tmp_path),
        }
        environment.pop("GOOGLE_APPLICATION_CREDENTIALS", None)
        address = emulator.endpoint.removeprefix("https://")
        script = Path(__file__).with_name("high_level.py")
        ran = subprocess.run(
            [sys.executable, script, emulator.project, emulator.location, address, "samples"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-2000:]
        assert emulator.unknown() == []
    assert json.loads(ran.stdout.splitlines()[-1]) == {
        "job": "JOB_STATE_SUCCEEDED",
        "tuned": "JOB_STATE_SUCCEEDED 2 True",
        "versions": ["1", "2"],
        "split": [10, 90],
        "predictions": [0.0, 0.0],
        "left": ["green"],
        "endpoints": 0,
    }
