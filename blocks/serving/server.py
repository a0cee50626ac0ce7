"""One replica as a process: it serves until SIGTERM, answers what is in flight, and leaves."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from blocks.serving.app import App
from blocks.serving.config import ServerConfig
from blocks.serving.mirror import MirrorSender
from blocks.serving.model import NotServed, ServedModel
from blocks.serving.telemetry import Telemetry

BACKLOG = 1024
IDLE = 75  # seconds that an idle connection is kept: longer than any router keeps its own

Adapt = Callable[[App], Any]


class _Server(uvicorn.Server):
    """Turns not ready first, so that the router sends nothing more, and leaves after that."""

    def __init__(self, config: uvicorn.Config, app: App, grace: float) -> None:
        super().__init__(config)
        self._app, self._grace = app, grace

    def handle_exit(self, sig: int, frame: object) -> None:
        self._app.draining = True
        asyncio.get_running_loop().call_later(self._grace, self._leave)

    def _leave(self) -> None:
        self.should_exit = True


def run(config: ServerConfig, *, grace: float, adapt: Adapt = lambda app: app) -> None:
    """Serve until SIGTERM; ``adapt`` may wrap the application for the place it runs at.

    Raises NotServed if the model is not what was registered or does not load, or if the port is
    taken.
    """
    config.state.mkdir(parents=True, exist_ok=True)
    listener = _listen(config)
    model = ServedModel(config)
    uvloop.run(_serve(config, model, listener, grace, adapt))
    if model.in_flight:
        logging.warning("left %d requests that the model never answered", model.in_flight)


def _listen(config: ServerConfig) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        raise NotServed(
            f"port {config.port} of {config.host} cannot be had: {error}; "
            "choose another, or 0 for any"
        ) from error
    return listener


async def _serve(
    config: ServerConfig, model: ServedModel, listener: socket.socket, grace: float, adapt: Adapt
) -> None:
    telemetry = Telemetry(config, model.schema)
    mirror = MirrorSender(config.mirror, variant=config.variant)
    app = App(config, model, telemetry, mirror)
    settings = uvicorn.Config(
        adapt(app),
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=int(config.serving.timeout.total_seconds()) + 1,
        backlog=BACKLOG,
    )
    await model.warm_up()
    gc.collect()
    gc.freeze()  # what the libraries made lives for ever; looking through it again costs the tail
    telemetry.start()
    mirror.start()
    listener.listen(BACKLOG)
    _publish(config.state / "port", str(listener.getsockname()[1]))
    try:
        await _Server(settings, app, grace).serve(sockets=[listener])
    finally:
        mirror.close()
        telemetry.close()


def _publish(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(file)
