"""Processing as processes of this machine that outlive whoever started them."""

from __future__ import annotations

from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Idempotency,
    InvalidRequest,
    OperationRef,
    ProcessingFeatures,
    ProcessingRequest,
    ProviderError,
)
from blocks.processing_by_training import ProcessingByTraining
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.paths import path_of
from blocks.providers.local.training import LocalTraining


class LocalProcessing(Block, ProcessingByTraining):
    """Runs commands beside the data of this machine. Images are left aside."""

    _block_type_name = "Local processing"
    _block_type_slug = "local-processing"

    provider: ClassVar[str] = "local"
    features: ClassVar[ProcessingFeatures] = ProcessingFeatures(
        idempotency=Idempotency.NAMED, spark=False, scheme="file", max_duration=None
    )

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Where jobs are kept on this machine."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return self._training()._explain(error)

    def _training(self) -> LocalTraining:
        return LocalTraining(machine=self.machine)

    def _submit(self, request: ProcessingRequest, token: str) -> OperationRef:
        for field, uri in request.places().items():
            if not field.startswith("outputs.") and not path_of(uri).exists():
                raise InvalidRequest(f"{field}: there is nothing at {path_of(uri)}", code="INPUT")
        return super()._submit(request, token)
