"""This machine as the conformance suite sees it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from blocks.contracts import (
    Contract,
    ModelRegistry,
    SecretStore,
)
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.batch_levers import BatchLevers
from blocks.providers.local.endpoint_levers import EndpointLevers
from blocks.providers.local.model_levers import ModelLevers
from blocks.providers.local.processing_levers import LocalProcessingLevers
from blocks.providers.local.secret import PREFIX
from blocks.providers.local.training_levers import TrainingLevers
from blocks.registry import implementation
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)

_KINDS = ("training", "models", "batch", "endpoints", "processing")


class _Bench(Levers):
    """Levers by capability; each kind of work has a module of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = LocalMachine(workspace=folder / "workspace")
        self.training = TrainingLevers(self.machine, folder)
        self.models = ModelLevers(self.machine, folder)
        self.batch = BatchLevers(self.machine, folder)
        self.endpoints = EndpointLevers(self.machine, folder)
        processing = LocalProcessingLevers(self.machine, folder, self.training)
        kinds = (self.training, self.models, self.batch, self.endpoints, processing)
        super().__init__("local", dict(zip(_KINDS, kinds, strict=True)))
        self._secrets: list[str] = []

    def connect(self, contract: type[C]) -> C:
        """Return a block over this workspace, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("local", contract)
        machine = LocalMachine(workspace=self.machine.workspace)
        if contract is ModelRegistry:
            self.models.database()
        # Secrets are the environment's, not the workspace's.
        return cls() if contract is SecretStore else cls(machine=machine)

    def running(self) -> Sequence[str]:
        """Return ``kind/id`` of every live process of this workspace, each once."""
        return sorted({found.resource for found in processes.owned(self.machine.owner)})

    def zone(self) -> str:
        """Return a zone; a market without zones of its own takes any name."""
        return "here-1"

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into the environment of this process; taken out at the end."""
        variable = PREFIX + name.upper().replace("-", "_")
        os.environ[variable] = value
        self._secrets.append(variable)

    def close(self) -> None:
        """Stop everything that was started here."""
        for variable in self._secrets:
            os.environ.pop(variable, None)
        for found in processes.owned(self.machine.owner):
            processes.stop(found.identity, grace=0)


@contextmanager
def LocalBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Make a workspace below ``folder``; nothing of it runs on afterwards."""
    bench = _Bench(folder)
    try:
        yield bench
    finally:
        bench.close()
