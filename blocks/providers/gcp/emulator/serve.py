"""The process of one emulated project: it listens on loopback until SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import grpc
from werkzeug.serving import WSGIRequestHandler, make_server

from blocks.contracts import Frozen
from blocks.emulation.launch import ADDRESS
from blocks.emulation.warm import WarmInterpreter
from blocks.providers.gcp.emulator.http_front import HttpFront
from blocks.providers.gcp.emulator.routes import routes
from blocks.providers.gcp.emulator.server import GrpcFront
from blocks.providers.gcp.emulator.tls import Certificate, certificate
from blocks.providers.gcp.emulator.world import Settings, World
from blocks.workload.durable import write_json

_THREADS = 32  # calls that are answered at once; held replies keep one each
_OWN_IMAGE = (  # what runs in our own images
    "blocks.providers.gcp.serve",
    "blocks.providers.gcp.score",
    "blocks.providers.gcp.prediction.serve",
)
_UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class Asked(Frozen):
    """What to serve, and where to keep what belongs to it."""

    folder: Path
    port: int = 0
    settings: Settings = Settings()


class _Handler(WSGIRequestHandler):
    """Answers without a line in the log for each call, and tells paths as they were sent.

    Names of objects hold quoted slashes, which WSGI's own path has lost.
    """

    protocol_version = "HTTP/1.1"

    def make_environ(self) -> dict[str, Any]:
        environ = super().make_environ()
        return {**environ, "PATH_INFO_RAW": self.path.partition("?")[0]}

    def log_request(self, *_: Any) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preloaded:
    """What every world needs; a process that forks after it was made has it for nothing."""

    trusted: Certificate
    warm: WarmInterpreter


def preloaded() -> Preloaded:
    """Make what every world needs.

    No channel and no server of gRPC is made here: their threads would not outlive a fork.
    """
    routes()
    return Preloaded(trusted=certificate(), warm=WarmInterpreter(_OWN_IMAGE))


def serve(asked: Asked, given: Preloaded) -> None:
    """Serve a world until SIGTERM; then end its containers and this process."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    world, trusted = World(asked.folder, asked.settings, given.warm), given.trusted
    (asked.folder / "ca.pem").write_bytes(trusted.pem)
    front = GrpcFront(world)
    http = make_server(
        "127.0.0.1", asked.port, HttpFront(world, front), threaded=True, request_handler=_Handler
    )
    world.url = f"http://127.0.0.1:{http.port}"
    world.objects.begin(world.url, asked.folder / "storage.log")
    services = grpc.server(ThreadPoolExecutor(_THREADS), handlers=(front,), options=_UNLIMITED)
    secret = grpc.ssl_server_credentials([(trusted.key, trusted.pem)])
    world.endpoint = f"https://localhost:{services.add_secure_port('127.0.0.1:0', secret)}"
    services.start()

    def leave(number: int, frame: FrameType | None) -> None:
        world.close()
        sys.stderr.flush()
        os._exit(0)  # threads of open connections must not hold it up

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    write_json(asked.folder / ADDRESS, _address(world), sync=False)
    http.serve_forever()


def _address(world: World) -> dict[str, str | int]:
    return {
        "url": world.url,
        "pid": os.getpid(),
        "project": world.project,
        "location": world.location,
        "endpoint": world.endpoint,
    }
