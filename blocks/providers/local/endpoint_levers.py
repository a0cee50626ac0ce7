"""How the conformance suite moves the endpoints of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from blocks.contracts import ModelVersion, OperationRef, VariantRequest
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.desired import EndpointFolder
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.replicas import replicas_of
from blocks.testing.by_itself import ByItself
from blocks.testing.models import make_model
from blocks.testing.waiting import until

NAME = "bench"


class EndpointLevers(ByItself):
    """The endpoints part of the bench."""

    def __init__(self, machine: LocalMachine, folder: Path) -> None:
        super().__init__(LocalEndpoints(machine=machine))
        self._machine, self._folder = machine, folder
        self._models: dict[str, ModelVersion] = {}

    def request(self, kind: str, variant: str) -> VariantRequest:
        """Return a request; each kind is a version of its own."""
        if kind not in self._models:
            draft = make_model(self._folder / "served" / kind, kind=kind)
            number = str(len(self._models) + 1)
            self._models[kind] = ModelVersion(
                name=draft.name, version=number, uri=draft.uri, digest=draft.digest
            )
        model = self._models[kind]
        return VariantRequest(endpoint=NAME, variant=variant, model=model, machine="local.small")

    def reclaim(self, ref: OperationRef) -> None:
        """Kill the servers of a variant; return when they are dead."""
        endpoint, _, variant = ref.id.partition("/")
        known = replicas_of(self._folder_of(endpoint))
        killed = [each.identity for each in known if each.variant == variant]
        if not killed:
            raise LookupError(f"no process of {ref.id} runs")
        for identity in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity.pid, signal.SIGKILL)
        until(lambda: not any(processes.alive(identity) for identity in killed))

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the supervisor reads."""
        endpoint, _, variant = ref.id.partition("/")
        wanted = self._folder_of(endpoint).desired().variants[variant]
        return dict(wanted.request)

    def created(self) -> int:
        """Count the variants that are there."""
        return len(self._folder_of(NAME).desired().variants)

    def _folder_of(self, endpoint: str) -> EndpointFolder:
        return EndpointFolder(self._machine.folder("endpoints") / endpoint)
