"""Starting an emulated Azure subscription in a process of its own, and talking to its levers.

Imports nothing of Azure: only the subscription's own process does.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from blocks.emulation.launch import Emulator, emulated

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
GROUP, WORKSPACE = "bluewater", "rehearsal"
LOCATION = "eastus"
REGISTRY, REGISTRY_GROUP = "shared", "platform"  # a registry, in a group of its own
STORAGE, CONTAINER = "bluewaterstore", "azureml-blobstore"
DATASTORE = "workspaceblobstore"
IDENTITY = "managed-identity"  # the name by which containers call


class Subscription(Emulator):
    """An emulated subscription that runs; ``faults`` of its package has the names of its faults."""

    training: ClassVar[str] = "job"

    @property
    def ca(self) -> Path:
        """The certificate by which its own is checked."""
        return Path(self.told["ca"])


def subscription(
    folder: Path, *, preloaded: bool = False, **settings: Any
) -> AbstractContextManager[Subscription]:
    """Start an emulated subscription and end it after; ``preloaded`` starts more ones at once.

    ``settings`` are those of ``world.Settings``: speed, grace, provisioning, minute.
    """
    package = __name__.rpartition(".")[0]
    return emulated(Subscription, package, folder, settings, preloaded=preloaded)
