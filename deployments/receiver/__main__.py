"""``python -m deployments.receiver``: listen for what clouds and registries tell."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import uvicorn

from deployments.receiver.app import PrefectEvents, make_app

SECRET = "BLUEWATER_RECEIVER_SECRET"  # noqa: S105  # the name of a variable

KEPT = 75  # seconds that an idle connection is kept; senders use one for many messages


def main() -> None:
    """Listen on loopback unless told otherwise; the secret comes from a file or the environment."""
    parser = argparse.ArgumentParser(prog="python -m deployments.receiver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--secret-file", type=Path, help=f"else the secret is in {SECRET}")
    given = parser.parse_args()
    secret = given.secret_file.read_text().strip() if given.secret_file else os.environ.get(SECRET)
    if not secret:
        parser.error(f"set {SECRET}, or name a file with --secret-file")
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    app = make_app(secret, PrefectEvents.of_environment())
    # no access log: where a sender has no header for the secret, the address holds it
    uvicorn.run(
        app,
        host=given.host,
        port=given.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEPT,
    )


if __name__ == "__main__":
    main()
