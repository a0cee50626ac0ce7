"""The first program of a processing job, where training jobs do the work of processing.

``python -m blocks.workload.process COMMAND...``. It shows the command its inputs as paths, gives it
empty folders for its outputs, and brings these to their places once the command has ended well.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from blocks.workload.environments import mounted, surroundings
from blocks.workload.in_process import PYTHON, SPARK, run_python
from blocks.workload.outcome import Outcome, write_outcome
from blocks.workload.places import local_path

INPUT, OUTPUT = "BLUEWATER_IN_", "BLUEWATER_OUT_"  # and the name, in capitals


class Unmounted(ValueError):
    """A place that this machine has no path for."""


def main(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run the command, and end as it ends."""
    with tempfile.TemporaryDirectory(prefix="bluewater-") as scratch:
        outputs, here = _outputs(environ, Path(scratch)), surroundings(environ)
        places = {name: _path(environ, name) for name in outputs}
        told = {
            **environ,
            **{name: str(_path(environ, name)) for name in environ if name.startswith(INPUT)},
            **{name: str(folder) for name, folder in outputs.items()},
        }
        status = _run(command, told)
        if status == 0:
            for name, folder in outputs.items():
                _bring(folder, places[name])
            outcome = Outcome(ok=True, model_uri=here.output_uri or here.output)
            write_outcome(here.output, here.token, outcome)
    sys.exit(status if status >= 0 else 128 - status)


def _outputs(environ: Mapping[str, str], scratch: Path) -> dict[str, Path]:
    found = {}
    for name in environ:
        if name.startswith(OUTPUT):
            found[name] = scratch / name
            found[name].mkdir()
    return found


def _path(environ: Mapping[str, str], name: str) -> Path:
    path = local_path(mounted(environ[name], environ))
    if path is None:
        raise Unmounted(f"{name}={environ[name]} is not mounted on this machine")
    return path


def _run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command and pass on the word to stop; return its exit status.

    One that is to find the Spark session of this process runs in it.
    """
    program, *arguments = command
    if environ.get(SPARK):
        return run_python(arguments, environ)
    program = sys.executable if program in PYTHON else program
    process = subprocess.Popen([program, *arguments], env=dict(environ))
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    return process.wait()


def _bring(folder: Path, place: Path) -> None:
    """Copy files one by one: what is mounted may be no file system in earnest."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            target = place / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
