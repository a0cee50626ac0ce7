"""How the conformance suite moves the models of a Google Cloud project."""

from __future__ import annotations

from blocks.contracts import ModelDraft
from blocks.providers.gcp.account import OWNER_LABEL, GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.model_calls import KIND
from blocks.providers.gcp.training_calls import KIND_LABEL
from blocks.testing.uploads import Uploads


class ModelLevers:
    """The models part of the bench."""

    def __init__(self, account: GcpAccount, emulator: Project, uploads: Uploads) -> None:
        self._account, self._emulator, self._uploads = account, emulator, uploads

    def draft(self, kind: str) -> ModelDraft:
        """Return a draft of a model of that kind, made afresh, with evidence and lineage."""
        return self._uploads.draft(kind)

    def created(self) -> int:
        """Count the versions that this owner ever registered."""
        mine = {OWNER_LABEL: self._account.owner_label, KIND_LABEL: KIND}
        uploaded = self._emulator.pull("models-uploaded")
        return sum(mine.items() <= labels.items() for labels in uploaded)
