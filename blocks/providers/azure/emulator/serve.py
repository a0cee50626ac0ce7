"""The process of one emulated subscription: it listens on loopback, over TLS, until SIGTERM."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import trustme

from blocks.contracts import Frozen
from blocks.emulation.listening import listen
from blocks.emulation.warm import WarmInterpreter
from blocks.providers.azure.emulator.doors import routes
from blocks.providers.azure.emulator.replica import OWN_IMAGE
from blocks.providers.azure.emulator.server import Emulator
from blocks.providers.azure.emulator.world import Settings, World

_SCORERS = (  # what batch jobs run in our own image
    "blocks.providers.azure.score",
    f"{__package__}.batch_driver",
)


class Asked(Frozen):
    """What to serve, and where to keep what belongs to it."""

    folder: Path
    port: int = 0
    settings: Settings = Settings()


def own_images() -> WarmInterpreter:
    """Return what runs the containers of our own image; started, all who fork share it.

    Who forks after has the patterns of all paths, too: they take as long as the rest of a world.
    """
    warm = WarmInterpreter((OWN_IMAGE, *_SCORERS))
    with tempfile.TemporaryDirectory() as folder:
        for route in routes(World(Path(folder), Settings(), warm)):
            route.pattern()
    return warm


def serve(asked: Asked, warm: WarmInterpreter) -> None:
    """Serve a world until SIGTERM; then end its containers and this process."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    world = World(asked.folder, asked.settings, warm)
    tls = _certified(world.ca)
    listen(world, Emulator(world), port=asked.port, tls=tls, ca=str(world.ca))


def _certified(file: Path) -> ssl.SSLContext:
    """Return a context with a certificate of this world's own authority, told in a file."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(file))
    return context
