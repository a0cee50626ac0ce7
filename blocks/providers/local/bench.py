"""This machine as the conformance suite sees it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import (
    BatchRequest,
    Contract,
    ModelDraft,
    ModelRegistry,
    OperationRef,
    SecretStore,
    TrainingRequest,
    VariantRequest,
)
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.batch_levers import BatchLevers
from blocks.providers.local.endpoint_levers import EndpointLevers
from blocks.providers.local.model_levers import ModelLevers
from blocks.providers.local.secret import PREFIX
from blocks.providers.local.training_levers import TrainingLevers
from blocks.registry import implementation

C = TypeVar("C", bound=Contract)


class _Bench:
    """Levers by capability; each kind of work has a module of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = LocalMachine(workspace=folder / "workspace")
        self.training = TrainingLevers(self.machine, folder)
        self.models = ModelLevers(self.machine, folder)
        self.batch = BatchLevers(self.machine, folder)
        self.endpoints = EndpointLevers(self.machine, folder)
        self._secrets: list[str] = []

    def connect(self, contract: type[C]) -> C:
        """Return a block over this workspace, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("local", contract)
        machine = LocalMachine(workspace=self.machine.workspace)
        if contract is ModelRegistry:
            self.models.database()
        # Secrets are the environment's, not the workspace's.
        return cls() if contract is SecretStore else cls(machine=machine)

    def training_request(self, *, script: str = "") -> TrainingRequest:
        """Return a request whose job runs ``script``; the default one waits for a lever."""
        return self.training.request(script)

    def model_draft(self, *, kind: str = "threshold") -> ModelDraft:
        """Return a draft of a small real model, made afresh."""
        return self.models.draft(kind)

    def variant_request(self, *, kind: str = "threshold", variant: str = "blue") -> VariantRequest:
        """Return a request to serve a model of that kind on the endpoint of this world."""
        return self.endpoints.request(kind, variant)

    def batch_request(self, rows: int) -> BatchRequest:
        """Return a request to score that many rows."""
        return self.batch.request(rows)

    def begin(self, ref: OperationRef) -> None:
        self._levers(ref).begin(ref)

    def succeed(self, ref: OperationRef) -> None:
        self._levers(ref).succeed(ref)

    def fail(self, ref: OperationRef, reason: str) -> None:
        self._levers(ref).fail(ref, reason)

    def reclaim(self, ref: OperationRef) -> None:
        self._levers(ref).reclaim(ref)

    def settle(self, ref: OperationRef) -> None:
        self._levers(ref).settle(ref)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        found: Mapping[str, object] = self._levers(ref).seen(ref)
        return found

    def created(self, capability: str) -> int:
        count: int = self._of(capability).created()
        return count

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

    def _levers(self, ref: OperationRef) -> Any:
        return self._of(ref.capability)

    def _of(self, capability: str) -> Any:
        levers = {
            "training": self.training,
            "models": self.models,
            "batch": self.batch,
            "endpoints": self.endpoints,
        }
        return levers[capability]


@contextmanager
def LocalBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Make a workspace below ``folder``; nothing of it runs on afterwards."""
    bench = _Bench(folder)
    try:
        yield bench
    finally:
        bench.close()
