"""What the process of one emulated workspace begins with."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from blocks.contracts import Frozen
from blocks.emulation.listening import listen
from blocks.emulation.warm import WarmInterpreter
from blocks.providers.databricks.emulator.doors import routes
from blocks.providers.databricks.emulator.server import Emulator
from blocks.providers.databricks.emulator.world import Settings, World

_OWN_IMAGE = (  # what runs again and again, so that it is imported once
    "blocks.providers.databricks.score",
    "blocks.providers.databricks.emulator.scoring",
    "blocks.providers.databricks.served",
)


class Asked(Frozen):
    """What to serve, and where to keep what belongs to it."""

    folder: Path
    port: int = 0
    settings: Settings = Settings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preloaded:
    """What every world needs; a process that forks after it was made has it for nothing."""

    warm: WarmInterpreter


def preloaded() -> Preloaded:
    """Make what every world needs; the SDK's modules take the longest."""
    warm = WarmInterpreter(_OWN_IMAGE)
    with tempfile.TemporaryDirectory() as folder:
        for route in routes(World(Path(folder), Settings(), warm)):
            route.pattern()
    return Preloaded(warm=warm)


def serve(asked: Asked, given: Preloaded) -> None:
    """Serve a world until SIGTERM."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    world = World(asked.folder, asked.settings, given.warm)
    listen(world, Emulator(world), port=asked.port)
