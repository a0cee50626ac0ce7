"""The first program of a SageMaker container: goes to the code, fetches secrets, is the command.

``python -m blocks.workload.start COMMAND...``. The names of secrets are told in
``BLUEWATER_SECRETS_FROM``, as JSON from variable to name; values are in nobody's description.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from blocks.workload.environments import opt_ml
from blocks.workload.secrets import fetch

NO_SECRET = 78  # EX_CONFIG of sysexits.h


def main(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the command. What keeps it from starting is written where SageMaker reads reasons."""
    mount = Path(opt_ml(environ))
    try:
        values = _secrets(environ)
    except Exception as error:  # noqa: BLE001 - whatever it is, the reason is to be seen
        (mount / "output").mkdir(parents=True, exist_ok=True)
        (mount / "output" / "failure").write_text(f"a secret cannot be fetched: {error}")
        sys.exit(NO_SECRET)
    become(command, mount / "input" / "data" / "source", {**environ, **values})


def become(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> NoReturn:
    """Become the command, in a folder."""
    program, *arguments = command
    program = sys.executable if program in ("python", "python3") else program
    os.chdir(folder)
    os.execvpe(program, [program, *arguments], dict(environ))  # noqa: S606


def _secrets(environ: Mapping[str, str]) -> dict[str, str]:
    names = json.loads(environ.get("BLUEWATER_SECRETS_FROM") or "{}")
    return {variable: fetch(_client, name) for variable, name in names.items()}


@cache
def _client(service: str) -> Any:
    return importlib.import_module("boto3").client(service)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
