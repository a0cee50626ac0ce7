"""The whole release on this machine: two versions, a spot reclaim, a live rollout under load.

``make demo`` runs it. It may be run again: the first version is then the one that serves.
``make clean`` removes all.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from blocks.providers.local.services import LocalServices
from blocks.workspace import default_workspace, folder_of
from examples.flights.prepare import prepare

HERE = Path(__file__).parent
console = Console()


def main() -> None:
    """Prepare the data while Prefect starts; then tell the story in a process that knows both."""
    begun = time.monotonic()
    pages = LocalServices()
    pages.start("prefect")
    console.rule("[bold]The flights of 2013 from New York: will they arrive late?")
    for name, rows in prepare(HERE / "data").items():
        console.print(f"  {name:<16} {rows:>7,} rows", highlight=False)
    console.print("  waiting for the Prefect server", highlight=False)
    environment = {
        **os.environ,
        **pages.prefect_settings(),  # read once, at Prefect's import
        "BLUEWATER_SECRET_FLIGHTS_TOKEN": _token(),
    }
    story = [sys.executable, "-m", "examples.flights.story"]
    code = subprocess.run(story, env=environment, check=False).returncode
    console.print(f"\nDone in {time.monotonic() - begun:.0f} s. `make clean` removes everything.")
    sys.exit(code)


def _token() -> str:
    """Return the endpoint's bearer token; made once, readable by this user alone."""
    file = folder_of(default_workspace()) / "flights-token"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


if __name__ == "__main__":
    main()
