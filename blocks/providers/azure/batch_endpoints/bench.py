"""Batch endpoints as the conformance suite sees them, in an emulated subscription."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from blocks.contracts import OperationRef
from blocks.providers.azure.batch_endpoints.batch import AzureBatchEndpoints
from blocks.providers.azure.batch_levers import IMAGE, BatchLevers
from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.beside import BesideBench
from blocks.providers.azure.model_levers import ModelLevers


class _Levers(BatchLevers):
    """The batch part of the bench."""

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the job reads, and whether its machines can be taken."""
        told = self._emulator.pull("job", job=ref.id)
        return {**super().seen(ref), "spot": told["spot"]}


@contextmanager
def AzureBatchEndpointsBench(  # noqa: N802 - reads as a class
    folder: Path,
) -> Iterator[BesideBench]:
    """Open a world: a subscription, or, while one is open, another owner in it."""
    with AzureBench(folder) as azure:
        account, emulator, uploads = azure.levers_account, azure.emulator, azure.uploads
        kinds = {
            "batch": _Levers(account, emulator, uploads, jobs=AzureBatchEndpoints),
            "models": ModelLevers(emulator, uploads),
        }
        yield BesideBench(azure, "azure-batch-endpoints", kinds, image=IMAGE)
