"""The container of an endpoint: what it is told in its environment, and the server that it runs."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from blocks.cloud.bucket import Bucket
from blocks.cloud.shipping import Lines, Shipping
from blocks.contracts import Capture, Frozen, ModelVersion, Serving, VariantRequest
from blocks.serving.config import INTERNAL_TOKEN, ServerConfig
from blocks.serving.server import Adapt, run

PREFIX = "BLUEWATER_SERVE_"
CAPTURES = "BLUEWATER_CAPTURES"  # folder of a bucket for captured requests
CAPTURE_EVERY = "BLUEWATER_CAPTURE_EVERY"  # seconds between two files of them


class Settings(Frozen):
    """What is served, and for whom: one variable of the environment for each field."""

    endpoint: str
    variant: str
    model: ModelVersion
    serving: Serving
    capture: Capture
    copies: bool  # all requests are copies, whose answers nobody sees
    internal: str  # word by which a look past the split is known, so that it is not counted as live

    def to_environment(self) -> dict[str, str]:
        """Return the variables: clouds bound the length of each value."""
        fields = self.model_dump(mode="json")
        return {f"{PREFIX}{name.upper()}": json.dumps(value) for name, value in fields.items()}

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Read what ``to_environment`` wrote. Raises ValueError that names what is missing."""
        given = {
            name: json.loads(env[f"{PREFIX}{name.upper()}"])
            for name in cls.model_fields
            if f"{PREFIX}{name.upper()}" in env
        }
        return cls.model_validate(given)

    @classmethod
    def of(cls, request: VariantRequest, token: str, *, copies: bool = False) -> Settings:
        """Return what the container of a variant is told; the token is the word between us."""
        model = request.model
        return cls(
            endpoint=request.endpoint,
            variant=request.variant,
            model=ModelVersion(
                name=model.name, version=model.version, uri=model.uri, digest=model.digest
            ),
            serving=request.serving,
            capture=request.capture,
            copies=copies,
            internal=token,
        )


def config_of(
    settings: Settings, place: Path, *, model: Path, host: str, port: int, capture_every: float
) -> ServerConfig:
    """Return what the server is told, with its files below ``place``."""
    return ServerConfig(
        endpoint=settings.endpoint,
        variant=settings.variant,
        replica=uuid.uuid4().hex[:8],
        model=settings.model,
        model_folder=model,
        host=host,
        port=port,
        state=place / "state",
        telemetry=place / "telemetry",
        mirror=place / "mirror.json",  # never there: copies are the cloud's business
        serving=settings.serving,
        capture=settings.capture,
        capture_every=capture_every,
    )


def serve(
    settings: Settings,
    config: ServerConfig,
    bucket: Bucket,
    *,
    grace: float,
    adapt: Adapt = lambda app: app,
    out: Lines = sys.stdout,
) -> None:
    """Serve until SIGTERM, and bring away what is counted and captured. Raises NotServed.

    ``grace`` is the seconds between not ready and the last connection; ``out`` takes the ticks.
    """
    os.environ[INTERNAL_TOKEN] = settings.internal
    captures = os.environ.get(CAPTURES, "")
    to = f"{captures}/{settings.endpoint}" if captures else ""
    with Shipping(config.telemetry, bucket, to, out=out):
        run(config, grace=grace, adapt=adapt)
