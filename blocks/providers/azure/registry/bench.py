"""A registry as the conformance suite sees it, beside an emulated workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.beside import BesideBench
from blocks.providers.azure.emulator.launch import REGISTRY
from blocks.providers.azure.model_levers import ModelLevers


class _Levers(ModelLevers):
    """The models part of the bench."""

    def created(self) -> int:
        """Count the model versions that were ever made in the registry."""
        return int(self._emulator.pull("registry-versions"))


@contextmanager
def AzureRegistryBench(folder: Path) -> Iterator[BesideBench]:  # noqa: N802 - reads as a class
    """Open a world: a subscription, or, while one is open, another owner in it."""
    with AzureBench(folder) as azure:
        kinds = {"models": _Levers(azure.emulator, azure.uploads)}
        yield BesideBench(azure, "azure-registry", kinds, registry=REGISTRY)
