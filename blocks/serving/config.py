"""What one replica is told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from blocks.contracts import Capture, Frozen, ModelVersion, Serving

ENDPOINT_TOKEN = "BLUEWATER_ENDPOINT_TOKEN"  # noqa: S105 - the name of a variable
INTERNAL_TOKEN = "BLUEWATER_INTERNAL_TOKEN"  # noqa: S105 - the name of a variable
MIRRORED = "x-bluewater-mirrored"
VARIANT = "x-bluewater-variant"
REQUEST_ID = "x-request-id"


class ServerConfig(Frozen):
    """What one replica is told. Tokens come in the environment, never in the file."""

    endpoint: str
    variant: str
    replica: str  # a name without dots
    model: ModelVersion
    model_folder: Path
    host: str = "127.0.0.1"
    port: int = 0  # 0 = choose one; the one in use is written to ``<state>/port``
    state: Path
    telemetry: Path
    mirror: Path  # file that names the variant to copy requests to, if it exists
    serving: Serving = Serving()
    capture: Capture = Capture()
    tick_seconds: int = Field(default=1, ge=1)
    at_once: bool = False  # count in the file before each answer: what sleeps after it has no later
    capture_every: float = 5.0  # seconds between two files of captured requests


class MirrorTarget(Frozen):
    """Where copies of a share of the requests go."""

    url: str
    variant: str
    percent: int
