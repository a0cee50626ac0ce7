"""The process of one emulated account: it listens on loopback until SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from moto.backends import SERVICE_NAMES
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from blocks.contracts import Frozen
from blocks.emulation.launch import ADDRESS
from blocks.emulation.warm import WarmInterpreter
from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.identify import s3_routes
from blocks.providers.aws.emulator.server import MODELS, Emulator
from blocks.providers.aws.emulator.world import Settings, World
from blocks.workload.durable import write_json

_USED: tuple[SERVICE_NAMES, ...] = (
    "s3",
    "logs",
    "secretsmanager",
    "sts",
    "cloudwatch",
    "iam",
    "ec2",
)
_OWN_IMAGE = (  # what runs in our own images
    "blocks.providers.aws.serve",
    "blocks.providers.aws.functions.serve",
    "blocks.providers.aws.score",
)


class Asked(Frozen):
    """What to serve, and where to keep what belongs to it."""

    folder: Path
    port: int = 0
    settings: Settings = Settings()


class _Handler(MotoRequestHandler):
    """Answers without a line in the log for each call: the record of calls has them all."""

    def log_request(self, *_: Any) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preloaded:
    """What every world needs; a process that forks after it was made has it for nothing."""

    moto: DomainDispatcherApplication
    warm: WarmInterpreter


def preloaded() -> Preloaded:
    """Import what every world needs."""
    moto = DomainDispatcherApplication(create_backend_app)
    for name in _USED:
        moto.app_instances[name] = create_backend_app(name)
        get_service_model(name)
    for model in (*MODELS.values(), "s3", "ec2", "lambda"):
        shapes.service(model)
    s3_routes()
    return Preloaded(moto=moto, warm=WarmInterpreter(_OWN_IMAGE))


def serve(asked: Asked, given: Preloaded) -> None:
    """Serve a world until SIGTERM; then end its containers and this process."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    world = World(asked.folder, asked.settings, given.warm)
    server = make_server(
        "127.0.0.1",
        asked.port,
        Emulator(world, moto=given.moto),
        threaded=True,
        request_handler=_Handler,
    )
    world.url = f"http://127.0.0.1:{server.port}"

    def leave(number: int, frame: FrameType | None) -> None:
        world.close()
        sys.stderr.flush()
        os._exit(0)  # threads of moto and of open connections must not hold it up

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    write_json(asked.folder / ADDRESS, _address(world), sync=False)
    server.serve_forever()


def _address(world: World) -> dict[str, str | int]:
    return {"url": world.url, "pid": os.getpid(), "region": world.region}
