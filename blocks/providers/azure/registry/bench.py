"""A registry as the conformance suite sees it, beside an emulated workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import Contract
from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.emulator.launch import REGISTRY
from blocks.providers.azure.model_levers import ModelLevers
from blocks.registry import implementation, provider
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)
_NAME = "azure-registry"


class _Levers(ModelLevers):
    """The models part of the bench."""

    def created(self) -> int:
        """Count the model versions that were ever made in the registry."""
        return int(self._emulator.pull("registry-versions"))


class _Bench(Levers):
    """Levers of one owner of an emulated subscription."""

    def __init__(self, azure: Any) -> None:
        self.account, self.emulator, self.keep_secret = (
            azure.account,
            azure.emulator,
            azure.keep_secret,
        )
        self.levers_account, self.running, self._azure = azure.levers_account, azure.running, azure
        super().__init__(_NAME, {"models": _Levers(azure.emulator, azure.uploads)})

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner; what is not of the registry is the workspace's."""
        if contract.capability not in provider(_NAME).capabilities:
            found: C = self._azure.connect(contract)
            return found
        cls: Callable[..., C] = implementation(_NAME, contract)
        return cls(account=self.account.model_copy(), registry=REGISTRY)

    def zone(self) -> str:
        """Return no zone: nothing here takes one."""
        return ""


@contextmanager
def AzureRegistryBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as a class
    """Open a world: a subscription, or, while one is open, another owner in it."""
    with AzureBench(folder) as azure:
        yield _Bench(azure)
