"""Batch endpoints as the conformance suite sees them, in an emulated subscription."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import Contract, OperationRef
from blocks.providers.azure.batch_endpoints.batch import AzureBatchEndpoints
from blocks.providers.azure.batch_levers import IMAGE, BatchLevers
from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.model_levers import ModelLevers
from blocks.registry import implementation, provider
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)
_NAME = "azure-batch-endpoints"


class _Levers(BatchLevers):
    """The batch part of the bench."""

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the job reads, and whether its machines can be taken."""
        told = self._emulator.pull("job", job=ref.id)
        return {**super().seen(ref), "spot": told["spot"]}


class _Bench(Levers):
    """Levers of one owner of an emulated subscription."""

    def __init__(self, azure: Any) -> None:
        self.account, self.emulator, self.keep_secret = (
            azure.account,
            azure.emulator,
            azure.keep_secret,
        )
        self.levers_account, self.running, self._azure = azure.levers_account, azure.running, azure
        levers = _Levers(
            azure.levers_account, azure.emulator, azure.uploads, jobs=AzureBatchEndpoints
        )
        models = ModelLevers(azure.emulator, azure.uploads)
        super().__init__(_NAME, {"batch": levers, "models": models})

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner; what is no batch endpoint is the subscription's."""
        if contract.capability not in provider(_NAME).capabilities:
            found: C = self._azure.connect(contract)
            return found
        cls: Callable[..., C] = implementation(_NAME, contract)
        return cls(account=self.account.model_copy(), image=IMAGE)

    def zone(self) -> str:
        """Return no zone: nothing here takes one."""
        return ""


@contextmanager
def AzureBatchEndpointsBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as a class
    """Open a world: a subscription, or, while one is open, another owner in it."""
    with AzureBench(folder) as azure:
        yield _Bench(azure)
