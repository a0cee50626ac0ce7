"""Serve one replica until SIGTERM; then answer what is in flight, and leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from pathlib import Path

import click
import uvicorn
import uvloop

from blocks.serving.app import App
from blocks.serving.config import ServerConfig
from blocks.serving.mirror import MirrorSender
from blocks.serving.model import ServedModel, WrongDigest
from blocks.serving.telemetry import Telemetry


class _Server(uvicorn.Server):
    """Turns not ready first, so that the router sends nothing more, and leaves after that."""

    def __init__(self, config: uvicorn.Config, app: App, grace: float) -> None:
        super().__init__(config)
        self._app, self._grace = app, grace

    def handle_exit(self, sig: int, frame: object) -> None:
        self._app.draining = True
        asyncio.get_event_loop().call_later(self._grace, self._leave)

    def _leave(self) -> None:
        self.should_exit = True


@click.command()
@click.option("--config", "file", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--grace", default=1.0, help="Seconds between not ready and the last connection.")
def main(file: Path, grace: float) -> None:
    """Serve one replica."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    config = ServerConfig.model_validate_json(file.read_text())
    config.state.mkdir(parents=True, exist_ok=True)
    try:
        model = ServedModel(config)
    except WrongDigest as error:
        sys.exit(str(error))
    uvloop.run(_serve(config, model, grace))


async def _serve(config: ServerConfig, model: ServedModel, grace: float) -> None:
    telemetry, mirror = Telemetry(config), MirrorSender(config.mirror, variant=config.variant)
    app = App(config, model, telemetry, mirror)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((config.host, config.port))
    listener.listen(1024)
    settings = uvicorn.Config(
        app,
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(config.serving.timeout.total_seconds()) + 1,
        backlog=1024,
    )
    telemetry.start()
    copying = asyncio.create_task(mirror.run())
    _publish(config.state / "port", str(listener.getsockname()[1]))
    try:
        await _Server(settings, app, grace).serve(sockets=[listener])
    finally:
        copying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await copying
        telemetry.close()


def _publish(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(file)


if __name__ == "__main__":
    main()
