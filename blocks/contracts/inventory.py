"""Everything we own at a provider, found by owner tag: for plan, sweep and teardown."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, final

from pydantic import Field

from blocks.contracts.base import Contract
from blocks.contracts.operation import Frozen


class Machines(Frozen):
    """Machines that a resource keeps busy: one line of what it costs by the hour."""

    machine: str  # as Prices takes it
    count: int = Field(default=1, ge=0)
    spot: bool = False
    variant: str = ""  # of an endpoint, that they serve


class Resource(Frozen):
    """One thing that exists, and may cost money, because we asked for it."""

    kind: str  # training-job, batch-job, processing-job, endpoint, service
    id: str
    name: str
    created: datetime
    running: bool  # it computes or bills right now
    detail: str = ""
    machines: tuple[Machines, ...] = ()  # what it runs on, while it runs; empty = not known
    endpoint: str = ""  # name by which Endpoints knows it, for an endpoint
    output_uri: str = ""  # where it writes, for a job: tells which run it is of; empty = not known


class Inventory(Contract):
    """List and remove what carries our owner tag; never touch what does not."""

    capability: ClassVar[str] = "inventory"

    @final
    def owned(self) -> Iterator[Resource]:
        """Yield everything that carries our tag, finished work included."""
        with self._calling("owned"):
            yield from self._owned()

    @final
    def remove(self, resource: Resource) -> None:
        """Stop and remove it. Gone is fine; Denied if it is not ours."""
        with self._calling("remove"):
            self._remove(resource)

    @abc.abstractmethod
    def _owned(self) -> Iterator[Resource]: ...
    @abc.abstractmethod
    def _remove(self, resource: Resource) -> None: ...
