"""Cloud Run's services: created, changed under an etag, split, and deleted."""

from __future__ import annotations

import random
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import grpc
from google.cloud.run_v2.types import (
    ListRevisionsResponse,
    ListServicesResponse,
    Revision,
    RevisionTemplate,
    Service,
    TrafficTarget,
)
from google.longrunning.operations_pb2 import Operation

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.messages import masked
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.references import require_labels
from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.run_front import PATH, RunFront
from blocks.providers.gcp.emulator.run_rules import require_template
from blocks.providers.gcp.emulator.run_service import LATEST, RunRevision, RunService, revision_from
from blocks.providers.gcp.emulator.world import World

_Code = grpc.StatusCode
_ID = re.compile(r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?")
_TAG = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_TOGETHER = 46  # letters of a tag and its service
_REVISION = 63  # letters of a revision
_CHANGEABLE = frozenset({"annotations", "labels", "template", "traffic"})


class RunServices:
    """Services and Revisions of run.googleapis.com."""

    unlocked: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._all: dict[str, RunService] = {}
        self._made: list[str] = []
        world.fronts[PATH] = RunFront(world, self._chosen).answer
        world.levers["run-made"] = lambda _: list(self._made)
        world.levers["run-kill"] = self._kill

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            "Services.CreateService": self._create,
            "Services.GetService": lambda asked: self._shown(self._known(asked.name)),
            "Services.ListServices": self._list,
            "Services.UpdateService": self._update,
            "Services.DeleteService": self._delete,
            "Revisions.GetRevision": lambda asked: self._revision(asked.name)[1].shown(),
            "Revisions.ListRevisions": self._revisions,
            "Revisions.DeleteRevision": self._delete_revision,
        }

    def _create(self, asked: Any) -> Operation:
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        if not _ID.fullmatch(asked.service_id):
            raise invalid(f"Invalid service_id: {asked.service_id!r}")
        name = f"{asked.parent}/services/{asked.service_id}"
        if name in self._all:
            raise GcpError(_Code.ALREADY_EXISTS, f"Resource '{asked.service_id}' already exists.")
        require_labels(asked.service.labels)
        told = Service(asked.service)
        told.name, told.uid = name, uuid.uuid4().hex
        told.create_time = at(self._world.clock.now())
        service = RunService(told=told)
        begun = self._renewed(service, told.template, told.traffic)
        self._all[name] = service
        return begun

    def _list(self, asked: Any) -> ListServicesResponse:
        some, token = page([*self._all.values()], asked)
        shown = [self._shown(each) for each in some]
        return ListServicesResponse(services=shown, next_page_token=token)

    def _update(self, asked: Any) -> Operation:
        service = self._known(self._world.canonical(asked.service.name))
        if service.told.delete_time:
            raise GcpError(_Code.FAILED_PRECONDITION, f"Service {service.id} is being deleted.")
        _require_etag(service, asked.service.etag)
        paths = list(asked.update_mask.paths) or sorted(_CHANGEABLE)
        if refused := set(paths) - _CHANGEABLE:
            raise invalid(f"Fields that cannot be updated: {', '.join(sorted(refused))}")
        require_labels(asked.service.labels)
        changed = Service(service.told)
        masked(changed, asked.service, paths)
        new = changed.template != service.told.template
        before = service.told
        service.told = changed
        try:
            if new:
                return self._renewed(service, changed.template, changed.traffic)
            self._require_split(service, changed.traffic, service.latest)
        except GcpError:
            service.told = before
            raise
        self._changed(service)
        shown = self._shown(service)
        return self._world.operations.done(service.told.name, shown, shown)

    def _delete(self, asked: Any) -> Operation:
        service = self._known(asked.name)
        _require_etag(service, asked.etag)
        service.told.delete_time = at(self._world.clock.now())
        service.touch(self._world)

        def work(_: threading.Event) -> Answer:
            for each in service.revisions.values():
                each.instances.end()
            with self._world.lock:
                self._all.pop(service.told.name, None)
            return self._shown(service)

        return self._world.operations.run(service.told.name, work, self._shown(service))

    def _revisions(self, asked: Any) -> ListRevisionsResponse:
        found = [*reversed(self._known(asked.parent).revisions.values())]
        some, token = page(found, asked)
        return ListRevisionsResponse(
            revisions=[each.shown() for each in some], next_page_token=token
        )

    def _delete_revision(self, asked: Any) -> Operation:
        service, revision = self._revision(asked.name)
        short = asked.name.rpartition("/")[2]
        if short in service.reachable():
            told = f"Revision {short} is the latest, or receives traffic, or has a tag."
            raise GcpError(_Code.FAILED_PRECONDITION, told)
        del service.revisions[short]
        self._end([revision])
        told = Revision(revision.told)
        return self._world.operations.done(asked.name, told, told)

    def _renewed(self, service: RunService, template: RevisionTemplate, traffic: Any) -> Operation:
        """Make the revision of a template, and bring it up while nobody waits."""
        name = template.revision or f"{service.id}-{uuid.uuid4().hex[:8]}"
        require_template(template)
        _require_name(service, name)
        self._require_split(service, traffic, name)
        revision = revision_from(self._world, service, template, name)
        service.revisions[name], service.latest = revision, name
        self._made.append(name)
        self._changed(service)

        def work(_: threading.Event) -> Answer:
            revision.bring_up()
            with self._world.lock:
                if not revision.condition().message:
                    return self._shown(service)
            raise GcpError(_Code.FAILED_PRECONDITION, revision.condition().message)

        return self._world.operations.run(service.told.name, work, self._shown(service))

    def _changed(self, service: RunService) -> None:
        """Note a change, and end what nobody can ask any more."""
        service.touch(self._world)
        kept = service.reachable()
        self._end(each for name, each in service.revisions.items() if name not in kept)

    def _end(self, revisions: Any) -> None:
        for each in list(revisions):
            threading.Thread(target=each.instances.end, daemon=True).start()

    def _require_split(self, service: RunService, traffic: Any, new: str) -> None:
        if any(not 0 <= each.percent <= 100 for each in traffic):
            raise invalid("A traffic percentage is from 0 to 100.")
        if traffic and sum(each.percent for each in traffic) != 100:
            raise invalid("Traffic percentages must add up to 100.")
        tags = [each.tag for each in traffic if each.tag]
        if len(set(tags)) < len(tags):
            raise invalid("Tags must be unique within a service.")
        for each in traffic:
            if each.tag and not (
                _TAG.fullmatch(each.tag) and len(each.tag) + len(service.id) <= _TOGETHER
            ):
                raise invalid(f"Invalid tag: {each.tag!r}")
            if each.type_ != LATEST and each.revision not in {*service.revisions, new}:
                raise invalid(f"Revision {each.revision!r} is not found.")

    def _known(self, name: str) -> RunService:
        found = self._all.get(name)
        short = name.rpartition("/")[2]
        if found is None or self._world.faults.take("stale-read", "run:GetService", short):
            raise not_found(name)
        return found

    def _revision(self, name: str) -> tuple[RunService, RunRevision]:
        parent, _, short = name.rpartition("/revisions/")
        service = self._known(parent)
        if short not in service.revisions:
            raise not_found(name)
        return service, service.revisions[short]

    def _shown(self, service: RunService) -> Service:
        return service.shown(f"{self._world.url}/{PATH}")

    def _chosen(self, host: str) -> RunRevision | None:
        """Return who answers a request: what a tag names, or somebody by the split."""
        tag, _, id_ = host.rpartition("---")
        with self._world.lock:
            service = self._all.get(f"{self._world.parent}/services/{id_}")
            if service is None or service.told.delete_time:
                return None
            targets = [each for each in service.targets() if not tag or each.tag == tag]
            found = _drawn(targets, tagged=bool(tag))
            name = service.revision_of(found) if found is not None else ""
            return service.revisions.get(name)

    def _kill(self, said: dict[str, Any]) -> int:
        """Kill the instances of a service whose container has a name."""
        service = self._all[f"{self._world.parent}/services/{said['service']}"]
        found = service.revisions.values()
        return sum(
            each.instances.kill()
            for each in found
            if each.told.containers[0].name == said["container"]
        )


def _drawn(targets: list[TrafficTarget], *, tagged: bool) -> TrafficTarget | None:
    if tagged or not targets:
        return targets[0] if targets else None
    weights = [each.percent for each in targets]
    return random.choices(targets, weights)[0]  # noqa: S311 - no secret


def _require_etag(service: RunService, etag: str) -> None:
    if etag and etag != service.told.etag:
        raise GcpError(
            _Code.ABORTED,
            f"Conflict for resource '{service.id}': version '{etag}' was specified but current "
            f"version is '{service.told.etag}'.",
        )


def _require_name(service: RunService, name: str) -> None:
    """Raise GcpError for a name that a new revision of a service cannot have."""
    if not name.startswith(f"{service.id}-") or len(name) > _REVISION:
        raise invalid(f"Revision name {name!r} must begin with the service's, and a dash.")
    if name in service.revisions:
        told = f"Revision named '{name}' with different configuration already exists."
        raise GcpError(_Code.ALREADY_EXISTS, told)
