"""How the conformance suite moves the processing runs of a workspace."""

from __future__ import annotations

from blocks.contracts import OperationRef, ProcessingRequest
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.batch_levers import IMAGE, MACHINE
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.processing import DatabricksProcessing
from blocks.providers.databricks.training_levers import TrainingLevers
from blocks.providers.databricks.volumes import Volumes
from blocks.testing.processing import ProcessingLevers, processing_request


class DatabricksProcessingLevers(ProcessingLevers):
    """The processing part of the bench."""

    def __init__(
        self, account: DatabricksWorkspace, emulator: Workspace, training: TrainingLevers
    ) -> None:
        super().__init__(DatabricksProcessing(account=account, image=IMAGE))
        self._account, self._emulator, self._training = account, emulator, training

    def request(self, script: str) -> ProcessingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        write = Volumes(self._account).write
        return processing_request(write, self._account.root, script, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine."""
        self._emulator.pull("reclaim", job=ref.id)
        self.settle(ref)

    def created(self) -> int:
        """Count this owner's runs: no other kind is asked for beside."""
        return self._training.created()
