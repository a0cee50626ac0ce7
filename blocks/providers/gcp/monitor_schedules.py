"""The schedules by which model monitors of ours look, by the endpoint of each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud.aiplatform_v1beta1.services.schedule_service import ScheduleServiceClient
from google.cloud.aiplatform_v1beta1.types import Schedule

from blocks.contracts import MonitoringSchedule, Resource
from blocks.providers.gcp.account import ONCE, READS, GcpAccount
from blocks.providers.gcp.gcs import Objects

KIND = "monitoring-schedule"
_DELETED_WITHIN = 300.0  # seconds
_MONITORING = "create_model_monitoring_job_request:*"  # of schedules there are other kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSchedules:
    """Vertex AI gives schedules no labels: their display names say whose they are, and of what."""

    account: GcpAccount

    def name(self, endpoint: str, digest: str) -> str:
        """Return the display name of a schedule; the digest tells what was asked."""
        return f"{self.account.named(endpoint)} {digest}"

    def of(self, endpoint: str) -> Iterator[Schedule]:
        """Yield the schedules of an endpoint: one, but while one takes another's place."""
        mine = self.account.named(endpoint)
        for each in self._all():
            if each.display_name.partition(" ")[0] == mine:
                yield each

    def create(self, asked: Mapping[str, Any]) -> Schedule:
        """Create a schedule."""
        return self._client.create_schedule(
            parent=self.account.parent, schedule=Schedule(asked), **ONCE
        )

    def delete(self, name: str) -> None:
        """Delete a schedule by its resource name; gone is fine."""
        with contextlib.suppress(NotFound):
            self._client.delete_schedule(name=name, **READS).result(timeout=_DELETED_WITHIN)

    def note(self, schedule: MonitoringSchedule) -> None:
        """Write down what is asked of an endpoint's monitor, before it is made so."""
        self._objects.write(self._noted(schedule.endpoint), schedule.model_dump_json().encode())

    def noted(self, endpoint: str) -> MonitoringSchedule | None:
        """Return what was asked last, whether it was made or not."""
        found = self._objects.read(self._noted(endpoint))
        return MonitoringSchedule.model_validate_json(found[0]) if found else None

    def owned(self) -> Iterator[Resource]:
        """Yield this owner's schedules."""
        for each in self._all():
            whose = each.display_name.partition(" ")[0]
            if whose.startswith(self.account.named("")):
                yield Resource(
                    kind=KIND,
                    id=each.name.rpartition("/")[2],
                    name=each.display_name,
                    created=each.create_time,
                    running=each.state == Schedule.State.ACTIVE,
                    endpoint=whose.removeprefix(self.account.named("")),
                )

    def remove(self, id_: str) -> bool:
        """Delete one by its id; return whether that was ours to do. Gone is fine."""
        name = f"{self.account.parent}/schedules/{id_}"
        try:
            there = self._client.get_schedule(name=name, **READS)
        except NotFound:
            return True
        if not there.display_name.startswith(self.account.named("")):
            return False
        self.delete(name)
        return True

    def _all(self) -> Iterator[Schedule]:
        asked = {"parent": self.account.parent, "filter": _MONITORING}
        yield from self._client.list_schedules(asked, **READS)

    def _noted(self, endpoint: str) -> str:
        return f"{self.account.root}/watching/{endpoint}.json"

    @property
    def _client(self) -> ScheduleServiceClient:
        return self.account.client(ScheduleServiceClient)

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)
