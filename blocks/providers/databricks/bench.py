"""A Databricks workspace that the conformance suite can move: emulated, under the real SDK."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from blocks.contracts import Unsupported
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.batch_levers import IMAGE, BatchLevers
from blocks.providers.databricks.emulator import launch
from blocks.providers.databricks.endpoint_levers import QUICK, EndpointLevers
from blocks.providers.databricks.model_levers import ModelLevers
from blocks.providers.databricks.processing_levers import DatabricksProcessingLevers
from blocks.providers.databricks.secret import keep_secret
from blocks.providers.databricks.training_levers import TrainingLevers
from blocks.providers.databricks.volumes import Volumes
from blocks.providers.databricks.watching_levers import WatchingLevers
from blocks.testing.uploads import Uploads
from blocks.testing.worlds import EmulatedBench, Worlds

KEY, LEVERS = "bluewater-release", "bluewater-levers"  # the service principals that we are
VOLUME = "files"


class _Bench(EmulatedBench):
    """Levers by capability; each kind of work has a module of its own."""

    configured: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "batch": {"image": IMAGE},
        "endpoints": QUICK,
        "processing": {"image": IMAGE},
        "monitor": {"settle": 1},
    }

    def __init__(self, folder: Path, emulator: launch.Workspace) -> None:
        self.folder, self.emulator = folder, emulator
        self.account = _owner(emulator, KEY)
        self.levers_account = self.account.model_copy(update={"client_id": LEVERS})
        self.account.client()  # signs in once for all who connect
        emulator.pull("schema", schema=self.account.schema_name, volume=VOLUME)
        self.uploads = Uploads(Volumes(self.levers_account), self.levers_account.root, folder)
        training = TrainingLevers(self.levers_account, emulator)
        kinds: Mapping[str, Any] = {
            "training": training,
            "processing": DatabricksProcessingLevers(self.levers_account, emulator, training),
            "batch": BatchLevers(self.levers_account, emulator, self.uploads),
            "models": ModelLevers(self.levers_account, emulator, self.uploads),
            "endpoints": EndpointLevers(self.levers_account, emulator, self.uploads),
            "watching": WatchingLevers(self.levers_account, emulator),
        }
        super().__init__("databricks", kinds)

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into the scope."""
        if not value:
            raise Unsupported("a scope keeps no empty value", code="EMPTY")
        keep_secret(self.levers_account, name, value)


def _cloud(folder: Path) -> AbstractContextManager[launch.Workspace]:
    return launch.workspace(folder / "databricks", preloaded=True)


DatabricksBench = Worlds(_cloud, _Bench)
"""Opens a world below a folder."""


def _owner(emulator: launch.Workspace, key: str) -> DatabricksWorkspace:
    number = uuid.uuid4().hex[:12]
    return DatabricksWorkspace(
        host=emulator.url,
        client_id=key,
        client_secret=SecretStr("rehearsal"),
        catalog=launch.CATALOG,
        schema_name=f"s{number}",
        volume=VOLUME,
        scope=launch.SCOPE,
        warehouse=launch.WAREHOUSE,
        owner=f"owner-{number}",
    )
