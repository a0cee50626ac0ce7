"""A data base file for MLflow that is whole or not there.

MLflow makes its tables in dozens of steps and lets two processes do so at once: both then fail, and
the file is of no use to anybody. So one process makes it under another name, and renames it.

Run as ``python -m blocks.registries.mlflow_database <file> <command...>`` it makes the file and
becomes the command, which may then be an MLflow server.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from filelock import FileLock
from mlflow.tracking import MlflowClient

from blocks.registries.mlflow_access import quieten


def prepared(file: Path) -> str:
    """Return the URI of MLflow's data base in ``file``, made if it is not there."""
    if not file.exists():
        with FileLock(file.with_name(f".{file.name}.lock")):
            if not file.exists():
                _make(file)
    return f"sqlite:///{file}"


def _make(file: Path) -> None:
    quieten()
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)  # of a process that died
    uri = f"sqlite:///{draft}"
    MlflowClient(tracking_uri=uri, registry_uri=uri).search_registered_models(max_results=1)
    draft.rename(file)


if __name__ == "__main__":
    prepared(Path(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
