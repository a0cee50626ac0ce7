"""An Azure subscription that the conformance suite can move: emulated, under the real SDK."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from azure.core.exceptions import ResourceExistsError

from blocks.contracts import Unsupported
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.batch_levers import IMAGE, BatchLevers
from blocks.providers.azure.emulated_account import emulated_account
from blocks.providers.azure.emulator import launch
from blocks.providers.azure.endpoint_calls import endpoint_mark
from blocks.providers.azure.endpoint_levers import QUICK, EndpointLevers
from blocks.providers.azure.model_levers import ModelLevers
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.secret import vault
from blocks.providers.azure.training_levers import TrainingLevers
from blocks.providers.azure.watching_levers import WatchingLevers
from blocks.testing.uploads import Uploads
from blocks.testing.worlds import EmulatedBench, Worlds

KEY, LEVERS = "bluewater-release", "bluewater-levers"  # the applications that blocks and we are
MINUTE = 0.5  # seconds that metrics take for one
GRACE = 10.0  # seconds that a container has after SIGTERM


class _Bench(EmulatedBench):
    """Levers by capability; each kind of work has a module of its own."""

    configured: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "batch": {"image": IMAGE},
        "endpoints": QUICK,
        "monitor": {"settle": 1},
    }

    def __init__(self, folder: Path, emulator: launch.Subscription) -> None:
        self.folder, self.emulator = folder, emulator
        self.account = _owner(emulator, KEY)
        self.levers_account = self.account.model_copy(update={"client_id": LEVERS})
        _ = self.account.credential  # signs in once for all who connect
        with contextlib.suppress(ResourceExistsError):
            self.levers_account.blobs().create_container(launch.CONTAINER)
        objects = Objects(self.levers_account)
        self.uploads = uploads = Uploads(objects, self.levers_account.root, folder)
        kinds = {
            "training": TrainingLevers(self.levers_account, emulator, uploads),
            "models": ModelLevers(emulator, uploads),
            "endpoints": EndpointLevers(self.levers_account, emulator, uploads),
            "watching": WatchingLevers(self.levers_account, emulator),
            "batch": BatchLevers(self.levers_account, emulator, uploads),
        }
        super().__init__("azure", kinds)

    def running(self) -> Sequence[str]:
        """Return the names of this owner's live containers."""
        mine = self.account.named(""), endpoint_mark(self.account)
        names = [each["name"] for each in self.emulator.running()]
        return sorted(name for name in names if any(each in name for each in mine))

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into the Key Vault, or a new version of one that is there."""
        if not value:
            raise Unsupported("Key Vault keeps no empty value", code="EMPTY")
        vault(self.levers_account).set_secret(name, value)


def _cloud(folder: Path) -> AbstractContextManager[launch.Subscription]:
    return launch.subscription(folder / "azure", preloaded=True, grace=GRACE, minute=MINUTE)


AzureBench = Worlds(_cloud, _Bench)
"""Opens a world below a folder."""


def _owner(emulator: launch.Subscription, key: str) -> AzureAccount:
    number = uuid.uuid4().hex[:12]
    owner, prefix = f"owner-{number}", f"bluewater-{number}"
    return emulated_account(emulator, owner=owner, client=key, prefix=prefix)
