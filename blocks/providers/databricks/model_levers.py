"""How the conformance suite moves the models of a Databricks workspace."""

from __future__ import annotations

from blocks.contracts import ModelDraft
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.model_calls import SERVED, full_name
from blocks.testing.uploads import Uploads


class ModelLevers:
    """The models part of the bench."""

    def __init__(self, account: DatabricksWorkspace, emulator: Workspace, uploads: Uploads) -> None:
        self._account, self._emulator, self._uploads = account, emulator, uploads

    def draft(self, kind: str) -> ModelDraft:
        """Return a draft of a model of that kind, made afresh, with evidence and lineage."""
        return self._uploads.draft(kind)

    def created(self) -> int:
        """Count the versions that this owner ever registered, without those made to be served."""
        mine, served = full_name(self._account, ""), full_name(self._account, SERVED)
        names = [str(each) for each in self._emulator.pull("versions-recorded")]
        return sum(name.startswith(mine) and not name.startswith(served) for name in names)
