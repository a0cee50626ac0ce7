"""One service of Cloud Run with its revisions, and what is told of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.cloud.run_v2.types import (
    Condition,
    Revision,
    RevisionTemplate,
    Service,
    TrafficTarget,
    TrafficTargetAllocationType,
    TrafficTargetStatus,
)

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.run_instances import Instances, NotStarted
from blocks.providers.gcp.emulator.world import World

LATEST = TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
_PENDING, _READY, _FAILED = (
    Condition.State.CONDITION_RECONCILING,
    Condition.State.CONDITION_SUCCEEDED,
    Condition.State.CONDITION_FAILED,
)
_NEVER_LISTENED = (
    "The user-provided container failed to start and listen on the port defined provided by the "
    "PORT=8080 environment variable within the allocated timeout. Logs for this revision might "
    "contain more information."
)
_SAME = (  # fields of a template that its revision has, too
    "labels",
    "annotations",
    "scaling",
    "vpc_access",
    "timeout",
    "service_account",
    "containers",
    "volumes",
    "encryption_key",
    "max_instance_request_concurrency",
    "session_affinity",
    "node_selector",
)


@dataclass(slots=True, kw_only=True)
class RunRevision:
    """A revision: what it was made to be, and what runs of it."""

    told: Revision
    instances: Instances
    state: Condition.State = _PENDING
    over: threading.Event = field(default_factory=threading.Event)

    def bring_up(self) -> None:
        """Start it, and know then whether it ever will be ready."""
        try:
            self.instances.bring_up()
        except (NotStarted, OSError):
            self.state = _FAILED
        else:
            self.state = _READY
        self.over.set()

    def shown(self) -> Revision:
        """Return it as it is now."""
        shown = Revision(self.told)
        shown.conditions = [self.condition()]
        shown.reconciling = self.state == _PENDING
        return shown

    def condition(self) -> Condition:
        """Return whether it is ready."""
        message = _NEVER_LISTENED if self.state == _FAILED else ""
        return Condition(type_="Ready", state=self.state, message=message)


@dataclass(slots=True, kw_only=True)
class RunService:
    """A service. It is changed under the world's lock."""

    told: Service
    revisions: dict[str, RunRevision] = field(default_factory=dict)
    latest: str = ""

    @property
    def id(self) -> str:
        """The last part of its name."""
        return str(self.told.name.rpartition("/")[2])

    def touch(self, world: World) -> None:
        """Note a change."""
        self.told.generation += 1
        self.told.update_time, self.told.etag = at(world.clock.now()), uuid.uuid4().hex

    def targets(self) -> list[TrafficTarget]:
        """Return who gets the requests: without a word, the latest revision."""
        return list(self.told.traffic) or [TrafficTarget(type_=LATEST, percent=100)]

    def revision_of(self, target: TrafficTarget) -> str:
        """Return the name of the revision that a target means."""
        return self.latest if target.type_ == LATEST else str(target.revision)

    def reachable(self) -> set[str]:
        """Return the revisions that anybody can ask."""
        found = {self.revision_of(each) for each in self.targets() if each.percent or each.tag}
        return found | {self.latest}

    def shown(self, url: str) -> Service:
        """Return it as it is now; ``url`` is where services are asked."""
        shown, latest = Service(self.told), self.revisions[self.latest]
        shown.uri = f"{url}/{self.id}"
        shown.urls = [shown.uri]
        parent = self.told.name
        shown.latest_created_revision = f"{parent}/revisions/{self.latest}"
        ready = [name for name, each in self.revisions.items() if each.state == _READY]
        if ready:
            shown.latest_ready_revision = f"{parent}/revisions/{ready[-1]}"
        shown.terminal_condition = latest.condition()
        shown.reconciling = latest.state == _PENDING
        if not shown.reconciling:
            shown.observed_generation = shown.generation
        shown.traffic_statuses = [self._status(each, url) for each in self.targets()]
        return shown

    def _status(self, target: TrafficTarget, url: str) -> TrafficTargetStatus:
        status = TrafficTargetStatus(
            type_=target.type_, revision=target.revision, percent=target.percent, tag=target.tag
        )
        if target.tag:
            status.uri = f"{url}/{target.tag}---{self.id}"
        return status


def revision_from(
    world: World, service: RunService, template: RevisionTemplate, name: str
) -> RunRevision:
    """Return the revision of a template, which is still to be brought up."""
    told: Mapping[str, object] = {key: getattr(template, key) for key in _SAME if key in template}
    revision = Revision(
        name=f"{service.told.name}/revisions/{name}",
        service=service.told.name,
        uid=uuid.uuid4().hex,
        create_time=at(world.clock.now()),
        generation=1,
        etag=uuid.uuid4().hex,
        **told,
    )
    return RunRevision(told=revision, instances=Instances(world, revision))
