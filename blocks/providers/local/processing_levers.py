"""How the conformance suite moves the processing jobs of this machine."""

from __future__ import annotations

from pathlib import Path

from blocks.contracts import OperationRef, ProcessingRequest
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.paths import path_of
from blocks.providers.local.processing import LocalProcessing
from blocks.providers.local.training_levers import TrainingLevers
from blocks.testing.processing import ProcessingLevers, processing_request


class LocalProcessingLevers(ProcessingLevers):
    """The processing part of the bench."""

    def __init__(self, machine: LocalMachine, folder: Path, training: TrainingLevers) -> None:
        super().__init__(LocalProcessing(machine=machine))
        self._root, self._training = (folder / "processing").as_uri(), training

    def request(self, script: str) -> ProcessingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        return processing_request(_write, self._root, script, machine="local.small")

    def reclaim(self, ref: OperationRef) -> None:
        """Pull the machine's plug."""
        self._training.pull_the_plug(ref)
        self.settle(ref)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end, and until its processes are gone."""
        super().settle(ref)
        self._training.settle(ref)

    def created(self) -> int:
        """Count the jobs: no other kind is asked for beside."""
        return self._training.created()


def _write(uri: str, content: bytes) -> None:
    file = path_of(uri)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
