"""The first program of a cloud's container: goes to the code, fetches secrets, is the command.

``python -m blocks.workload.start COMMAND...``. The names of secrets are told in
``BLUEWATER_SECRETS_FROM``, as JSON from variable to name; values are in nobody's description.
Where ``BLUEWATER_VAULT`` names a Key Vault, they are there; else they are AWS's.

Clouds start a job again after they took its machine, and not all of them tell. Where
``BLUEWATER_STARTS`` names a folder, each start leaves a file in it, by which they are counted.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from blocks.workload.environments import opt_ml
from blocks.workload.secrets import fetch, fetch_from_vault, is_challenged

NO_SECRET = 78  # EX_CONFIG of sysexits.h


def main(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the command. What keeps it from starting is written where SageMaker reads reasons."""
    mount = Path(opt_ml(environ))
    _note_the_start(environ)
    try:
        values = _secrets(environ)
    except Exception as error:  # noqa: BLE001 - whatever it is, the reason is to be seen
        reason = f"a secret cannot be fetched: {error}"
        print(reason, file=sys.stderr, flush=True)
        if mount.is_dir():
            (mount / "output").mkdir(exist_ok=True)
            (mount / "output" / "failure").write_text(reason)
        sys.exit(NO_SECRET)
    source = environ.get("BLUEWATER_SOURCE") or mount / "input" / "data" / "source"
    become(command, Path(source), {**environ, **values})


def become(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> NoReturn:
    """Become the command, in a folder."""
    program, *arguments = command
    program = sys.executable if program in ("python", "python3") else program
    os.chdir(folder)
    os.execvpe(program, [program, *arguments], dict(environ))  # noqa: S606


def _note_the_start(environ: Mapping[str, str]) -> None:
    folder = environ.get("BLUEWATER_STARTS")
    if folder and environ.get("RANK", "0") == "0":  # of several machines, the first
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"start-{uuid.uuid4().hex}").write_text(environ.get("HOSTNAME", ""))


def _secrets(environ: Mapping[str, str]) -> dict[str, str]:
    names = json.loads(environ.get("BLUEWATER_SECRETS_FROM") or "{}")
    find = _finding(environ) if names else str
    return {variable: find(name) for variable, name in names.items()}


def _finding(environ: Mapping[str, str]) -> Callable[[str], str]:
    vault = environ.get("BLUEWATER_VAULT")
    if not vault:
        return lambda name: fetch(_client, name)
    sdk = importlib.import_module("azure.keyvault.secrets")
    identity = importlib.import_module("azure.identity").DefaultAzureCredential()
    client = sdk.SecretClient(vault, identity, verify_challenge_resource=is_challenged(vault))
    return lambda name: fetch_from_vault(client, name)


@cache
def _client(service: str) -> Any:
    return importlib.import_module("boto3").client(service)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
