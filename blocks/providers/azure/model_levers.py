"""How the conformance suite moves the models of a workspace."""

from __future__ import annotations

from blocks.contracts import ModelDraft
from blocks.providers.azure.emulator.launch import Subscription
from blocks.testing.uploads import Uploads


class ModelLevers:
    """The models part of the bench."""

    def __init__(self, emulator: Subscription, uploads: Uploads) -> None:
        self._emulator, self._uploads = emulator, uploads

    def draft(self, kind: str) -> ModelDraft:
        """Return a draft of a model of that kind, made afresh, with evidence and lineage."""
        return self._uploads.draft(kind)

    def created(self) -> int:
        """Count the model versions that were ever made in the workspace."""
        return int(self._emulator.pull("versions"))
