"""The container of an endpoint, or of a transform job: our server behind SageMaker's contract.

SageMaker runs the image with the argument ``serve``, puts the model below /opt/ml/model, asks
``GET /ping`` until it is answered, and then sends requests to ``POST /invocations``. Run as
``python -m blocks.providers.aws.serve serve``: a transform job is known by its environment.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from blocks.cloud import serving
from blocks.cloud.folders import bring
from blocks.cloud.serving import CAPTURE_EVERY, Settings, serve
from blocks.providers.aws.container import ATTRIBUTES, HOST, PORT, Attributes
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.serverless import MODEL
from blocks.providers.aws.transform.calls import ASKED
from blocks.providers.aws.transform.serve import serve_files
from blocks.serving.app import App
from blocks.serving.config import ENDPOINT_TOKEN, MIRRORED, ServerConfig
from blocks.serving.exchange import Receive, Scope, Send
from blocks.serving.model import NotServed

OPT_ML = "BLUEWATER_OPT_ML"  # what stands for /opt/ml where that cannot be had
GRACE = 1.0  # seconds between not ready and the last connection; SageMaker gives 30


def main() -> None:
    """Serve until SIGTERM. Ends with status 1 and the reason as the last line if it cannot."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if asked := os.environ.get(ASKED):
        serve_files(Objects(boto3.client("s3")), asked, _address(os.environ))
    try:
        settings = Settings.from_environment(os.environ)
        config = config_of(settings, os.environ, Path(tempfile.mkdtemp(prefix="bluewater-")))
        if settings.serving.token_secret:
            os.environ[ENDPOINT_TOKEN] = _secret(settings.serving.token_secret)
        bucket = Objects(boto3.client("s3"))
        if uri := os.environ.get(MODEL):
            bring(bucket, uri, config.model_folder)
        serve(settings, config, bucket, grace=GRACE, adapt=lambda app: Gateway(app, settings))
    except (NotServed, ValidationError, BotoCoreError, ClientError) as error:
        sys.exit(str(error))


def config_of(settings: Settings, env: Mapping[str, str], place: Path) -> ServerConfig:
    """Return what the server is told, with its files below ``place``."""
    put_there = Path(env.get(OPT_ML, "/opt/ml")) / "model"
    host, port = _address(env)
    return serving.config_of(
        settings,
        place,
        model=place / "model" if env.get(MODEL) else put_there,
        host=host,
        port=port,
        capture_every=float(env.get(CAPTURE_EVERY, "30")),
    )


class Gateway:
    """Brings in as headers of ours what SageMaker passes on in its own way."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            scope = {**scope, "headers": self._headers(scope["headers"])}
        await self._app(scope, receive, send)

    def _headers(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        attributes = Attributes.from_header(
            dict(given).get(ATTRIBUTES.encode(), b"").decode("latin1")
        )
        ours: dict[str, Any] = {}
        if attributes.token:
            ours["authorization"] = f"Bearer {attributes.token}"
        if self._settings.copies:
            ours[MIRRORED] = self._settings.internal
        elif attributes.look:
            ours[MIRRORED] = attributes.look
        kept = [(name, value) for name, value in given if name.decode("latin1") not in ours]
        return [*kept, *((name.encode(), value.encode()) for name, value in ours.items())]


def _address(env: Mapping[str, str]) -> tuple[str, int]:
    host = env.get(HOST, "0.0.0.0")  # noqa: S104 - a container's own network
    return host, int(env.get(PORT, "8080"))


def _secret(name: str) -> str:
    found = boto3.client("secretsmanager").get_secret_value(SecretId=name)
    return str(found["SecretString"])


if __name__ == "__main__":
    main()
