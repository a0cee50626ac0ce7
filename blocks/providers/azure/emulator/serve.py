"""The process of one emulated subscription: it listens on loopback, over TLS, until SIGTERM."""

from __future__ import annotations

import os
import signal
import ssl
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import trustme
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from blocks.contracts import Frozen
from blocks.emulation.launch import ADDRESS
from blocks.emulation.warm import WarmInterpreter
from blocks.providers.azure.emulator.replica import OWN_IMAGE
from blocks.providers.azure.emulator.server import Emulator
from blocks.providers.azure.emulator.world import Settings, World
from blocks.workload.durable import write_json

_SCORER = "blocks.providers.azure.score"  # what batch jobs run in our own image


class Asked(Frozen):
    """What to serve, and where to keep what belongs to it."""

    folder: Path
    port: int = 0
    settings: Settings = Settings()


class _Handler(WSGIRequestHandler):
    """Answers without a line in the log for each call: the record of calls has them all.

    Connections are kept: most of what a call costs is to shake hands.
    """

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        pass


class _Server(ThreadedWSGIServer):
    """Shakes hands in the thread of the connection, so that a slow caller holds up nobody."""

    daemon_threads = True
    request_queue_size = 128

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer what comes over one connection."""
        assert self.ssl_context is not None  # noqa: S101
        try:
            secured = self.ssl_context.wrap_socket(request, server_side=True)
        except OSError:
            return  # the caller is gone, or does not trust us
        with secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over callers that were killed."""


def own_images() -> WarmInterpreter:
    """Return what runs the containers of our own image; started, all who fork share it."""
    return WarmInterpreter((OWN_IMAGE, _SCORER))


def serve(asked: Asked, warm: WarmInterpreter) -> None:
    """Serve a world until SIGTERM; then end its containers and this process."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    world = World(asked.folder, asked.settings, warm)
    server = _Server("127.0.0.1", asked.port, Emulator(world), _Handler)
    server.ssl_context = _certified(world.ca)
    world.url = f"https://127.0.0.1:{server.port}"

    def leave(number: int, frame: FrameType | None) -> None:
        world.close()
        sys.stderr.flush()
        os._exit(0)  # threads of open connections must not hold it up

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    address = {"url": world.url, "pid": os.getpid(), "ca": str(world.ca)}
    write_json(asked.folder / ADDRESS, address, sync=False)
    server.serve_forever(poll_interval=0.05)


def _certified(file: Path) -> ssl.SSLContext:
    """Return a context with a certificate of this world's own authority, told in a file."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(file))
    return context
