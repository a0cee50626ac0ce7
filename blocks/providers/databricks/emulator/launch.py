"""Starting an emulated Databricks workspace in a process of its own, and talking to its levers.

Imports nothing of Databricks: only the workspace's own process does.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from blocks.emulation.launch import Emulator, emulated

CATALOG = "main"
SCOPE = "bluewater"  # the secret scope that is there
WAREHOUSE = "1234567890abcdef"
WORKSPACE = "1234567890123456"  # its id
CONTAINERS = "container"  # the name by which what runs inside calls


class Workspace(Emulator):
    """An emulated workspace that runs; ``faults`` of its package has the names of its faults."""

    training: ClassVar[str] = "run"


def workspace(
    folder: Path, *, preloaded: bool = False, **settings: Any
) -> AbstractContextManager[Workspace]:
    """Start an emulated workspace and end it after; ``preloaded`` starts more ones at once.

    ``settings`` are those of ``world.Settings``: speed, provisioning, updating.
    """
    package = __name__.rpartition(".")[0]
    return emulated(Workspace, package, folder, settings, preloaded=preloaded)
