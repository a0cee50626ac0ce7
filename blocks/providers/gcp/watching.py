"""Vertex AI's own model monitoring, that compares captured traffic with a model's training rows."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from google.cloud.aiplatform_v1beta1.services.model_monitoring_service import (
    ModelMonitoringServiceClient,
)
from google.cloud.aiplatform_v1beta1.types import ModelMonitor
from prefect.blocks.core import Block
from pydantic import Field

from blocks import contracts
from blocks.contracts import (
    Check,
    InvalidRequest,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    ProviderError,
    WatchingFeatures,
    Window,
)
from blocks.providers.gcp.account import ONCE, READS, GcpAccount
from blocks.providers.gcp.captured_rows import rows_of
from blocks.providers.gcp.endpoints import VertexEndpoints
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.model_calls import STAND_IN_IMAGE
from blocks.providers.gcp.monitor_schedules import MonitorSchedules
from blocks.providers.gcp.surroundings import encryption
from blocks.providers.gcp.watching_calls import (
    digest,
    from_job,
    is_over,
    to_cron,
    to_schedule,
    to_schema,
)

_MADE_WITHIN = 300.0  # seconds
_WATCHED = "watched"  # the model that monitors name: a name alone, that outlives what is served


class VertexWatching(Block, MonitoringSchedules):
    """Keeps one model monitor of Vertex AI for each endpoint, and one schedule of it.

    It reads the rows that our model servers keep beside captured requests. The monitor and its
    looks stay when the schedule goes.
    """

    _block_type_name = "Vertex AI model monitoring"
    _block_type_slug = "gcp-watching"

    provider: ClassVar[str] = "gcp"
    features: ClassVar[WatchingFeatures] = WatchingFeatures(
        shortest=timedelta(hours=1), checks=frozenset({Check.DRIFT})
    )

    account: GcpAccount = Field(default_factory=GcpAccount, description="Where and as whom.")
    limit: float = Field(
        default=0.3, gt=0, description="Distance of a column from its baseline that is too much."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _ensure(self, schedule: MonitoringSchedule) -> None:
        to_cron(schedule.every)
        self._require_captured(schedule.endpoint)
        name = self._schedules.name(schedule.endpoint, digest(schedule))
        there = list(self._schedules.of(schedule.endpoint))
        kept = next((each for each in there if each.display_name == name), None)
        if kept is None:
            self._schedules.note(schedule)
            columns = self._baseline(schedule)
            asked = to_schedule(
                schedule,
                name=name,
                monitor=self._kept_monitor(schedule.endpoint, columns),
                baseline=self._baseline_uri(schedule),
                rows=rows_of(self.account.root, schedule.endpoint),
                limit=self.limit,
            )
            kept = self._schedules.create(asked)
        for each in there:
            if each.name != kept.name:
                self._schedules.delete(each.name)

    def _schedule(self, endpoint: str) -> MonitoringSchedule | None:
        noted = self._schedules.noted(endpoint)
        if noted is None:
            return None
        name = self._schedules.name(endpoint, digest(noted))
        there = self._schedules.of(endpoint)
        return noted if any(each.display_name == name for each in there) else None

    def _looks(self, endpoint: str, window: Window) -> Sequence[MonitorLook]:
        return sorted(self._ended(endpoint, window), key=lambda look: look.at)

    def _ended(self, endpoint: str, window: Window) -> Iterator[MonitorLook]:
        client, monitor = self._client, self._monitor_name(endpoint)
        try:
            jobs = list(client.list_model_monitoring_jobs(parent=monitor, **READS))
        except NotFound:
            return
        for job in jobs:
            due = "schedule_time" in job and window.start <= job.schedule_time < window.end
            if due and is_over(job):
                asked = {"model_monitor": monitor, "model_monitoring_job": job.name}
                yield from_job(job, list(client.search_model_monitoring_alerts(asked, **READS)))

    def _stop(self, endpoint: str) -> None:
        for each in list(self._schedules.of(endpoint)):
            self._schedules.delete(each.name)

    def _require_captured(self, endpoint: str) -> None:
        requests = VertexEndpoints(account=self.account, image="none").requests(endpoint)
        if not requests:
            raise contracts.NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        if not any(each.capture.sample for each in requests):
            raise InvalidRequest(
                f"endpoint {endpoint!r} captures nothing that could be compared; deploy it with "
                "rollout.capture",
                code="CAPTURE",
            )

    def _baseline(self, schedule: MonitoringSchedule) -> pa.Schema:
        """Write the baseline as monitors read it, and return its columns."""
        objects = Objects(self.account.storage, kms_key=self.account.kms_key)
        found = objects.read(schedule.baseline_uri)
        if found is None:
            raise InvalidRequest(
                f"baseline_uri: there is nothing at {schedule.baseline_uri}", code="BASELINE"
            )
        table, out = pq.read_table(io.BytesIO(found[0])), io.BytesIO()
        pa_csv.write_csv(table, out)
        objects.write(self._baseline_uri(schedule), out.getvalue())
        return table.schema

    def _baseline_uri(self, schedule: MonitoringSchedule) -> str:
        return f"{schedule.output_uri.rstrip('/')}/baseline-{digest(schedule)}.csv"

    def _kept_monitor(self, endpoint: str, columns: pa.Schema) -> str:
        """Have the endpoint's monitor know these columns; return its name."""
        name = self._monitor_name(endpoint)
        asked: dict[str, Any] = {
            "display_name": self.account.named(endpoint),
            "model_monitoring_schema": to_schema(columns),
        }
        try:
            there = self._client.get_model_monitor(name=name, **READS)
        except NotFound:
            target = {"vertex_model": {"model": self._watched(), "model_version_id": "1"}}
            self._make(
                {**asked, "model_monitoring_target": target, **encryption(self.account)}, name
            )
            return name
        changed = ModelMonitor({**asked, "name": name})
        if there.model_monitoring_schema != changed.model_monitoring_schema:
            mask = {"paths": ["model_monitoring_schema"]}
            self._client.update_model_monitor(
                model_monitor=changed, update_mask=mask, **READS
            ).result(timeout=_MADE_WITHIN)
        return name

    def _make(self, asked: dict[str, Any], name: str) -> None:
        request = {
            "parent": self.account.parent,
            "model_monitor": asked,
            "model_monitor_id": name.rpartition("/")[2],
        }
        with contextlib.suppress(AlreadyExists):  # by somebody else, or no answer came before
            self._client.create_model_monitor(request, **READS).result(timeout=_MADE_WITHIN)

    def _watched(self) -> str:
        """Return the model that this owner's monitors name; made if it is not there."""
        client = self.account.client(ModelServiceClient)
        id_ = self.account.named(_WATCHED)
        name = f"{self.account.parent}/models/{id_}"
        model = {
            "display_name": id_,
            "labels": self.account.marked(kind=_WATCHED),
            "container_spec": {"image_uri": STAND_IN_IMAGE},
        }
        request = {"parent": self.account.parent, "model_id": id_, "model": model}
        try:
            client.get_model(name=name, **READS)
        except NotFound:
            with contextlib.suppress(AlreadyExists):
                client.upload_model(request, **ONCE).result(timeout=_MADE_WITHIN)
        return name

    def _monitor_name(self, endpoint: str) -> str:
        return f"{self.account.parent}/modelMonitors/{self.account.named(endpoint)}"

    @property
    def _client(self) -> ModelMonitoringServiceClient:
        return self.account.client(ModelMonitoringServiceClient)

    @property
    def _schedules(self) -> MonitorSchedules:
        return MonitorSchedules(account=self.account)
