"""What this workspace owns on this machine, found by the mark that its processes carry."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import psutil
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Denied, Inventory, ProviderError, Resource, Unavailable
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.processes import Identity, Owned, owned, stop

FOLDERS = {"training-job": "jobs", "endpoint": "endpoints", "batch-job": "batch"}
GONE_WITHIN = 30.0  # seconds until the last process of a resource must be gone


class LocalInventory(Block, Inventory):
    """Lists and stops what carries this workspace's owner id; data and models stay."""

    _block_type_name = "Local inventory"
    _block_type_slug = "local-inventory"

    provider: ClassVar[str] = "local"

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="The workspace whose things are listed."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, OSError | psutil.Error):
            return Unavailable(str(error), code=type(error).__name__)
        return None

    def _owned(self) -> Iterator[Resource]:
        running: dict[str, list[Owned]] = {}
        for found in owned(self.machine.owner):
            running.setdefault(found.resource, []).append(found)
        for name, processes in sorted(running.items()):
            count = len(processes)
            yield self._resource(
                name,
                created=min(found.identity.created for found in processes),
                running=True,
                detail=f"{count} process{'es' if count > 1 else ''}",
            )
        for kind, folder in FOLDERS.items():
            for place in sorted(self.machine.folder(folder).iterdir()):
                name = f"{kind}/{place.name}"
                if place.is_dir() and name not in running:
                    made = datetime.fromtimestamp(place.stat().st_ctime, UTC)
                    yield self._resource(name, created=made, running=False, detail="kept on disk")

    def _remove(self, resource: Resource) -> None:
        """Stop whatever restarts things first, then the rest, until nothing of it runs."""
        place = self.machine.folder() / FOLDERS.get(resource.kind, "services") / resource.name
        if not self._processes(resource) and not place.exists() and resource.running is False:
            raise Denied(f"{resource.id} is not of this workspace", code="OWNER")
        end = time.monotonic() + GONE_WITHIN
        self._stop_supervisor(place)
        while found := self._processes(resource):
            for each in found:
                stop(each.identity, grace=5)
            if time.monotonic() > end:
                raise Unavailable(f"{resource.id} does not end", code="ALIVE")

    def _processes(self, resource: Resource) -> list[Owned]:
        return [each for each in owned(self.machine.owner) if each.resource == resource.id]

    def _stop_supervisor(self, place: Path) -> None:
        file = place / "supervisor.json"
        if file.exists():
            stop(Identity.model_validate_json(file.read_text()), grace=5)

    def _resource(self, name: str, *, created: datetime, running: bool, detail: str) -> Resource:
        kind, _, short = name.partition("/")
        return Resource(
            kind=kind, id=name, name=short, created=created, running=running, detail=detail
        )
