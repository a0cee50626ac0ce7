"""What runs in place of a framework's image that is told where its code is: its training toolkit.

As the real one it fetches the archive, installs what it requires, and becomes the program:
https://github.com/aws/sagemaker-training-toolkit
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import boto3

_OWN = "sagemaker_"
_FAILED = 1


def main(mount: Path) -> None:
    """Bring the code and become it."""
    told = json.loads((mount / "input" / "config" / "hyperparameters.json").read_text())
    parameters = {name: _decoded(value) for name, value in told.items()}
    given = {name: each for name, each in parameters.items() if not name.startswith(_OWN)}
    code = mount / "code"
    _fetch(parameters[f"{_OWN}submit_directory"], code)
    libraries = mount / "libraries"
    if (code / "requirements.txt").exists():
        _install(code, libraries, mount)
    found = os.pathsep.join(filter(None, (str(code), str(libraries), os.environ.get("PYTHONPATH"))))
    env = {**os.environ, **_variables(mount, given), "PYTHONPATH": found}
    words = [word for name, each in given.items() for word in (f"--{name}", str(each))]
    os.chdir(code)
    os.execve(sys.executable, [sys.executable, parameters[f"{_OWN}program"], *words], env)  # noqa: S606


def _decoded(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _fetch(uri: str, folder: Path) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(folder, filter="data")


def _install(code: Path, libraries: Path, mount: Path) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check")
    asked = ("--target", str(libraries), "-r", "requirements.txt")
    done = subprocess.run([*pip, *asked], cwd=code, check=False)
    if done.returncode:
        _fail(mount, f"InstallRequirementsError:\nExitCode {done.returncode}")


def _fail(mount: Path, why: str) -> NoReturn:
    (mount / "output" / "failure").write_text(why)
    sys.exit(_FAILED)


def _variables(mount: Path, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return what the toolkit tells a program of where it is."""
    resources = json.loads((mount / "input" / "config" / "resourceconfig.json").read_text())
    data = mount / "input" / "data"
    channels = sorted(each.name for each in data.iterdir())
    return {
        "SM_CHANNELS": json.dumps(channels),
        **{f"SM_CHANNEL_{name.upper()}": str(data / name) for name in channels},
        "SM_CURRENT_HOST": resources["current_host"],
        "SM_HOSTS": json.dumps(resources["hosts"]),
        "SM_HPS": json.dumps(parameters),
        "SM_INPUT_DIR": str(mount / "input"),
        "SM_MODEL_DIR": str(mount / "model"),
        "SM_OUTPUT_DATA_DIR": str(mount / "output" / "data"),
        **{f"SM_HP_{name.upper()}": str(each) for name, each in parameters.items()},
    }


if __name__ == "__main__":
    main(Path(os.environ["BLUEWATER_OPT_ML"]))
