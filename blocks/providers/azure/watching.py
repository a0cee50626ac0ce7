"""Azure Machine Learning's own model monitor: a schedule for each endpoint that is watched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal

from azure.core.exceptions import HttpResponseError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.serving import CAPTURES
from blocks.contracts import (
    Check,
    InvalidRequest,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    NotFound,
    ProviderError,
    Resource,
    WatchingFeatures,
    Window,
)
from blocks.providers.azure.account import OWNER_TAG, AzureAccount
from blocks.providers.azure.answers import is_missing
from blocks.providers.azure.endpoint_calls import ENDPOINT_TAG, endpoint_mark, endpoint_name
from blocks.providers.azure.errors import explain
from blocks.providers.azure.inside import COLLECTED
from blocks.providers.azure.jobs import is_over
from blocks.providers.azure.lookup import READS, look_for
from blocks.providers.azure.metric_runs import MetricRuns
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.watching_calls import (
    Terms,
    due_of,
    from_job,
    from_schedule,
    schedule_name,
    to_mltable,
    to_monitor_schedule,
)

SCHEDULE_KIND = "monitoring-schedule"


class AzureWatching(Block, MonitoringSchedules):
    """Has Azure compare what an endpoint was asked with what its model was trained on.

    The endpoint has to be deployed with ``collect=True``: these monitors read a form of their own.
    """

    _block_type_name = "Azure model monitors"
    _block_type_slug = "azure-watching"

    provider: ClassVar[str] = "azure"
    features: ClassVar[WatchingFeatures] = WatchingFeatures(
        shortest=timedelta(hours=1), checks=frozenset(Check)
    )

    account: AzureAccount = Field(default_factory=AzureAccount, description="Where and as whom.")
    machine: str = Field(
        default="Standard_E4s_v3",
        description="Machine of the monitors' Spark, where none is asked.",
    )
    runtime: Literal["3.4", "3.5"] = Field(default="3.4", description="Version of Spark.")
    drift_limit: float = Field(
        default=0.1, gt=0, description="Distance from the baseline above which a column drifts."
    )
    quality_limit: float = Field(
        default=0.05, ge=0, le=1, description="Share of a column's values that may be amiss."
    )
    emails: tuple[str, ...] = Field(default=(), description="Who is told by Azure itself.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _ensure(self, schedule: MonitoringSchedule) -> None:
        self._require_collected(schedule.endpoint)
        if self._schedule(schedule.endpoint) == schedule:
            return
        asked = to_monitor_schedule(
            schedule,
            account=self.account,
            terms=self._terms,
            baseline=self._baseline(schedule),
            start=datetime.now(UTC) + schedule.every,
        )
        self.account.ml().schedules.begin_create_or_update(asked).result()

    def _schedule(self, endpoint: str) -> MonitoringSchedule | None:
        name = schedule_name(self.account, endpoint)
        found = look_for(self._schedules.get, name, patient=False)
        return from_schedule(found) if found is not None else None

    def _looks(self, endpoint: str, window: Window) -> Sequence[MonitorLook]:
        name, looks = schedule_name(self.account, endpoint), []
        jobs = self.account.ml(attempts=READS).jobs
        for job in jobs.list(schedule_defined=True, scheduled_job_name=name):
            due = due_of(job)
            if due is None or not window.start <= due < window.end:
                continue
            if is_over(job):
                runs = self._runs.at(name, job.experiment_name, int(due.timestamp()))
                looks.append(from_job(job, due, runs))
        return sorted(looks, key=lambda look: look.at)

    def _stop(self, endpoint: str) -> None:
        self.remove(schedule_name(self.account, endpoint))

    def owned(self) -> Iterator[Resource]:
        """Yield this owner's schedules."""
        for each in self._schedules.list():
            if self._is_ours(each):
                yield Resource(
                    kind=SCHEDULE_KIND,
                    id=each.name,
                    name=each.name,
                    created=each.creation_context.created_at,
                    running=bool(each.is_enabled),
                    detail=str((each.tags or {}).get(ENDPOINT_TAG, "")),
                )

    def remove(self, name: str) -> bool:
        """Remove a schedule by its name. Gone is fine; return False for somebody else's."""
        found = look_for(self._schedules.get, name, patient=False)
        if found is None:
            return True
        if not self._is_ours(found):
            return False
        self.account.ml().schedules.begin_delete(name).result()
        return True

    def _require_collected(self, endpoint: str) -> None:
        """Raise NotFound without an endpoint, InvalidRequest where no deployment collects."""
        deployments = self.account.ml(attempts=READS).online_deployments
        try:
            found = list(deployments.list(endpoint_name(self.account, endpoint)))
        except HttpResponseError as error:
            if is_missing(error):
                raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT") from error
            raise
        told = [each.environment_variables or {} for each in found]
        if not any(each.get(COLLECTED) and each.get(CAPTURES) for each in told):
            raise InvalidRequest(
                f"no variant of {endpoint!r} collects what Azure's monitors read; deploy one with "
                "collect=True in the Azure endpoints block, and capture.sample above 0",
                code="CAPTURE",
            )

    def _baseline(self, schedule: MonitoringSchedule) -> str:
        """Write beside the baseline's file what makes a table of it; return where."""
        table = to_mltable(self.account.on_datastore(schedule.baseline_uri))
        digest = hashlib.sha256(table).hexdigest()[:12]
        folder = f"{schedule.output_uri.rstrip('/')}/baseline-{digest}"
        Objects(self.account).write(f"{folder}/MLTable", table)
        return folder

    def _is_ours(self, schedule: Any) -> bool:
        ours = (schedule.tags or {}).get(OWNER_TAG) == self.account.owner
        return ours and str(schedule.name).startswith(endpoint_mark(self.account))

    @property
    def _terms(self) -> Terms:
        return Terms(
            machine=self.machine,
            runtime=self.runtime,
            drift=self.drift_limit,
            quality=self.quality_limit,
            emails=self.emails,
        )

    @property
    def _schedules(self) -> Any:
        return self.account.ml(attempts=READS).schedules

    @cached_property
    def _runs(self) -> MetricRuns:
        return MetricRuns(self.account)
