"""Everything of ours on this machine: jobs, endpoints and services, by the owner's mark."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import ClassVar

import psutil
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    BatchRequest,
    Denied,
    Inventory,
    Machines,
    OperationRef,
    ProviderError,
    Resource,
    TrainingRequest,
    Unavailable,
)
from blocks.providers.local import batch_jobs, jobs, processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.batch import LocalBatch
from blocks.providers.local.batch_jobs import BatchFolder
from blocks.providers.local.desired import EndpointFolder
from blocks.providers.local.jobs import JobFolder
from blocks.providers.local.processes import Owned
from blocks.providers.local.teardown import (
    empty_endpoint,
    forget_replicas,
    stop_all,
    supervisor_first,
)
from blocks.providers.local.training import LocalTraining

ENDPOINT, SERVICE, PROCESS = "endpoint", "service", "process"
FOLDERS = {jobs.KIND: "jobs", batch_jobs.KIND: "batch", ENDPOINT: "endpoints"}
KINDS = {*FOLDERS, SERVICE, PROCESS}

Running = Mapping[tuple[str, str], list[Owned]]


class LocalInventory(Block, Inventory):
    """Lists and stops what was started from this workspace; its data, models and reports stay."""

    _block_type_name = "Local inventory"
    _block_type_slug = "local-inventory"

    provider: ClassVar[str] = "local"

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Whose things are listed on this machine."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, PermissionError):
            return Denied(str(error))
        return Unavailable(str(error)) if isinstance(error, OSError) else None

    def _owned(self) -> Iterator[Resource]:
        running = self._running()
        worker = (SERVICE, "worker")  # and the flow runs it has begun: they start all the others
        if worker in running:
            yield self._without_folder(worker, running)
        yield from self._training_jobs(running)
        yield from self._batch_jobs(running)
        yield from self._endpoints(running)
        for kind, id_ in sorted(running):
            if (kind, id_) != worker and not self._has_folder(kind, id_):
                yield self._without_folder((kind, id_), running)

    def _without_folder(self, named: tuple[str, str], running: Running) -> Resource:
        (kind, id_), found = named, running[named]
        created = min(each.identity.created for each in found)
        resource = _resource(kind, id_, created, running, detail=f"{len(found)} processes")
        return resource.model_copy(update={"id": self._signed(kind, id_)})

    def _remove(self, resource: Resource) -> None:
        kind, (id_, _, _) = resource.kind, resource.id.partition("@")
        if not self._is_ours(resource):
            raise Denied(
                f"{kind} {id_!r} was not started from {self.machine.workspace}; "
                "remove it where it belongs",
                code="NOT_OURS",
            )
        self._tell(kind, id_)
        stop_all(partial(self._of, kind, id_), self._order(kind, id_))
        if kind == ENDPOINT:
            forget_replicas(self._endpoint(id_))
        else:
            self._tell(kind, id_)  # with its processes gone, a job is judged and tidied up

    def _tell(self, kind: str, id_: str) -> None:
        """See that nobody starts again what is stopped now."""
        if kind == jobs.KIND:
            LocalTraining(machine=self.machine).cancel(_ref(LocalTraining.capability, id_))
        elif kind == batch_jobs.KIND:
            LocalBatch(machine=self.machine).cancel(_ref(LocalBatch.capability, id_))
        elif kind == ENDPOINT:
            empty_endpoint(self._endpoint(id_))

    def _order(self, kind: str, id_: str) -> Callable[[Owned], int]:
        return supervisor_first(self._endpoint(id_)) if kind == ENDPOINT else lambda _: 0

    def _training_jobs(self, running: Running) -> Iterator[Resource]:
        for folder in JobFolder.below(self.machine.folder("jobs")):
            job, end = folder.read(jobs.Job), folder.read(jobs.Ended)
            if job is not None:
                name = PurePosixPath(job.request.source_uri).name
                detail = end.phase.value if end else ""
                id_ = folder.path.name
                found = _resource(jobs.KIND, id_, job.created, running, name=name, detail=detail)
                yield _with_request(found, job.request)

    def _batch_jobs(self, running: Running) -> Iterator[Resource]:
        for folder in BatchFolder.below(self.machine.folder("batch")):
            job, end = folder.read(batch_jobs.Job), folder.read(batch_jobs.Ended)
            if job is not None:
                name = PurePosixPath(job.request.data_uri).name
                detail = end.phase.value if end else ""
                id_ = folder.path.name
                found = _resource(
                    batch_jobs.KIND, id_, job.created, running, name=name, detail=detail
                )
                yield _with_request(found, job.request)

    def _endpoints(self, running: Running) -> Iterator[Resource]:
        for path in sorted(self.machine.folder("endpoints").iterdir()):
            variants = EndpointFolder(path).desired().variants.values()
            if variants:
                created = datetime.fromtimestamp(min(each.started for each in variants), UTC)
                requests = [each.request for each in variants]
                detail = ", ".join(sorted(each.variant for each in requests))
                found = _resource(ENDPOINT, path.name, created, running, detail=detail)
                machines = tuple(
                    Machines(machine=each.machine, count=each.min_replicas, variant=each.variant)
                    for each in requests
                )
                yield found.model_copy(update={"machines": machines, "endpoint": path.name})

    def _has_folder(self, kind: str, id_: str) -> bool:
        if kind == jobs.KIND:
            return JobFolder(self.machine.folder("jobs") / id_).exists
        if kind == batch_jobs.KIND:
            return BatchFolder(self.machine.folder("batch") / id_).exists
        return kind == ENDPOINT and bool(self._endpoint(id_).desired().variants)

    def _endpoint(self, id_: str) -> EndpointFolder:
        return EndpointFolder(self.machine.folder("endpoints") / id_)

    def _running(self) -> Running:
        """Return our live processes by what they are for; not this one, nor those it runs in."""
        spared = {os.getpid(), *(each.pid for each in psutil.Process().parents())}
        found: dict[tuple[str, str], list[Owned]] = defaultdict(list)
        for each in processes.owned(self.machine.owner):
            if each.identity.pid not in spared:
                found[_named(each.resource)].append(each)
        return found

    def _of(self, kind: str, id_: str) -> list[Owned]:
        return self._running().get((kind, id_), [])

    def _signed(self, kind: str, id_: str) -> str:
        """Return an id that tells whose a thing is that leaves no folder behind."""
        return id_ if kind in FOLDERS else f"{id_}@{self.machine.owner[:8]}"

    def _is_ours(self, resource: Resource) -> bool:
        """Whether it is, or was, of this workspace. What nobody has is gone, which is fine."""
        kind, id_ = resource.kind, resource.id
        if kind not in KINDS or not id_ or "/" in id_ or id_.startswith("."):
            return False
        if kind not in FOLDERS:
            return id_ == self._signed(kind, id_.partition("@")[0])
        if (self.machine.folder(FOLDERS[kind]) / id_).exists() or self._of(kind, id_):
            return True
        return all(_named(each) != (kind, id_) for each in processes.marked())


def _resource(
    kind: str,
    id_: str,
    created: datetime,
    running: Running,
    *,
    name: str = "",
    detail: str = "",
) -> Resource:
    live = (kind, id_) in running
    return Resource(
        kind=kind, id=id_, name=name or id_, created=created, running=live, detail=detail
    )


def _with_request(resource: Resource, request: TrainingRequest | BatchRequest) -> Resource:
    machines = (Machines(machine=request.machine, spot=request.spot),)
    return resource.model_copy(update={"machines": machines, "output_uri": request.output_uri})


def _named(resource: str) -> tuple[str, str]:
    kind, _, id_ = resource.partition("/")
    return (kind, id_) if id_ else (PROCESS, kind or "unnamed")


def _ref(capability: str, id_: str) -> OperationRef:
    return OperationRef(provider="local", capability=capability, id=id_, token=id_)
