"""The first program of a Vertex AI container: fetches secrets and code, and is the command.

``python -m blocks.workload.vertex COMMAND...``. The code's folder in Cloud Storage, mounted below
/gcs, is copied: a working directory that is a bucket would take every scratch file for an object.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from blocks.workload.durable import write_bytes
from blocks.workload.environments import mounted
from blocks.workload.google import fetch
from blocks.workload.start import NO_SECRET, become
from blocks.workload.trial import TRIAL, as_trial

SOURCE, STARTS = "BLUEWATER_SOURCE", "BLUEWATER_STARTS"


def main(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the command. What keeps it from starting is the last line of the log."""
    if TRIAL in environ:
        command, environ = as_trial(command, environ)
    names = json.loads(environ.get("BLUEWATER_SECRETS_FROM") or "{}")
    try:
        values = {variable: fetch(version, environ) for variable, version in names.items()}
    except OSError as error:
        print(f"a secret cannot be fetched: {error}", flush=True)
        sys.exit(NO_SECRET)
    _count(Path(mounted(_in_its_place(environ[STARTS], environ), environ)))
    home = Path(tempfile.mkdtemp(prefix="bluewater-")) / "source"
    shutil.copytree(mounted(environ[SOURCE], environ), home)
    become(command, home, {**environ, **values})


def _in_its_place(name: str, environ: Mapping[str, str]) -> str:
    """Return where a file is that each trial has in the place of its own model."""
    return name if "/" in name else f"{environ['AIP_MODEL_DIR'].rstrip('/')}/{name}"


def _count(file: Path) -> None:
    """Write down that the job started once more: Vertex AI does not tell how often it did."""
    before = int(file.read_text()) if file.exists() else 0
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, str(before + 1).encode())  # a part of a number would keep it from starting


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
