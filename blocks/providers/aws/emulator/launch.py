"""Starting an emulated AWS account in a process of its own, and talking to its levers.

Imports neither moto nor boto3: only the account's own process does.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from blocks.emulation.launch import Emulator, emulated

CONTAINERS = "ASIAEXECUTIONROLE"  # the key by which containers call


class Account(Emulator):
    """An emulated account that runs; ``faults`` of its package has the names of its faults."""

    training: ClassVar[str] = "training-job"

    @property
    def region(self) -> str:
        """The one region that it has."""
        return str(self.told["region"])


def account(
    folder: Path, *, preloaded: bool = False, **settings: Any
) -> AbstractContextManager[Account]:
    """Start an emulated account and end it after; ``preloaded`` starts further ones at once.

    ``settings`` are those of ``world.Settings``: region, speed, grace, ...
    """
    package = __name__.rpartition(".")[0]
    return emulated(Account, package, folder, settings, preloaded=preloaded)
