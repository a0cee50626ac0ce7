"""``python -m deployments.receiver``: listen for what clouds and registries tell."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import httpx
import jwt
import uvicorn

from deployments.receiver.app import PrefectEvents, Proofs, make_app
from deployments.receiver.pubsub import KEYS, Pushes
from deployments.receiver.sns import Topics

SECRET = "BLUEWATER_RECEIVER_SECRET"  # noqa: S105  # the name of a variable

KEPT = 75  # seconds that an idle connection is kept; senders use one for many messages


def main() -> None:
    """Listen on loopback unless told otherwise; the secret comes from a file or the environment."""
    parser = argparse.ArgumentParser(prog="python -m deployments.receiver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--secret-file", type=Path, help=f"else the secret is in {SECRET}")
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="ARN",
        help="believe what SNS has signed for this topic, and confirm its subscription",
    )
    parser.add_argument(
        "--push",
        nargs=2,
        metavar=("ACCOUNT", "AUDIENCE"),
        help="believe Pub/Sub pushes made as this service account, for this audience",
    )
    given = parser.parse_args()
    secret = given.secret_file.read_text().strip() if given.secret_file else os.environ.get(SECRET)
    if not secret:
        parser.error(f"set {SECRET}, or name a file with --secret-file")
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    topics = Topics(arns=given.topic, client=httpx.Client(timeout=10)) if given.topic else None
    app = make_app(
        Proofs(secret=secret, topics=topics, pushes=_pushes(given.push)),
        PrefectEvents.of_environment(),
    )
    # no access log: where a sender has no header for the secret, the address holds it
    uvicorn.run(
        app,
        host=given.host,
        port=given.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEPT,
    )


def _pushes(told: list[str] | None) -> Pushes | None:
    if told is None:
        return None
    account, audience = told
    return Pushes(account=account, audience=audience, keys=jwt.PyJWKClient(KEYS, timeout=10))


if __name__ == "__main__":
    main()
