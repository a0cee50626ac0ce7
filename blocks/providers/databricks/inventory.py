"""Everything of ours in a Databricks workspace, by its name and its owner's tag."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import BaseJob, BaseRun, Run
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Denied,
    Inventory,
    Machines,
    MonitoringSchedule,
    ProviderError,
    Resource,
    Unavailable,
)
from blocks.providers.databricks.account import OWNER_TAG, DatabricksWorkspace
from blocks.providers.databricks.batch import DatabricksBatch
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.endpoints import DatabricksEndpoints
from blocks.providers.databricks.errors import explain, is_missing
from blocks.providers.databricks.lookup import cancel_run, found_run
from blocks.providers.databricks.named_jobs import KIND as NAMED_JOB
from blocks.providers.databricks.named_jobs import NamedJobs
from blocks.providers.databricks.runs import (
    BATCH,
    KIND_TAG,
    TRAINING,
    is_of,
    is_over,
    machines_of,
    tags_of,
)
from blocks.providers.databricks.training_calls import output_of
from blocks.providers.databricks.watching import KIND as WATCHING
from blocks.providers.databricks.watching import LakehouseMonitors

_JOBS = (f"{TRAINING}-job", f"{BATCH}-job")
ENDPOINT = "endpoint"
_STOPS_WITHIN = 180.0  # seconds; a cluster takes a while to go
_LOOK_EVERY = 0.5


class DatabricksInventory(Block, Inventory):
    """Lists and stops what was started under this owner; files and models stay.

    Runs are listed for the 60 days that Databricks remembers them.
    """

    _block_type_name = "Databricks inventory"
    _block_type_slug = "databricks-inventory"

    provider: ClassVar[str] = "databricks"

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Whose things."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        for run in self._client.jobs.list_runs(expand_tasks=True):
            if self._is_ours(run):
                yield self._job(run)
        for job in self._named_jobs.owned():
            yield self._named_job(job)
        for endpoint in self._client.serving_endpoints.list():
            if self._serves_us(endpoint):
                yield self._endpoint(endpoint)
        for schedule, since in self._monitors.watched():
            yield self._watched(schedule, since)

    def _remove(self, resource: Resource) -> None:
        if resource.kind in _JOBS:
            self._stop(resource)
        elif resource.kind == ENDPOINT:
            self._take_down(resource)
        elif resource.kind == NAMED_JOB:
            self._remove_job(resource)
        elif resource.kind == WATCHING:
            self._stop_watching(resource)
        else:
            raise self._denied(resource)

    def _stop(self, resource: Resource) -> None:
        run = found_run(self.account, resource.id, patient=False)
        if run is None:
            return
        if not self._is_ours(run):
            raise self._denied(resource)
        if not is_over(run):
            cancel_run(self.account, resource.id)
            self._until(resource, lambda: self._has_stopped(resource.id))

    def _remove_job(self, resource: Resource) -> None:
        if not resource.name.startswith(self.account.named("")):
            raise self._denied(resource)
        if any(str(job.job_id) == resource.id for job in self._named_jobs.owned()):
            self._named_jobs.remove(resource.id)

    def _take_down(self, resource: Resource) -> None:
        """Want nothing of an endpoint any more; one that nobody wants is an orphan and goes."""
        if not resource.id.startswith(self.account.named("")):
            raise self._denied(resource)
        endpoint = self._described(resource.id)
        if endpoint is None:
            return
        if not self._serves_us(endpoint):
            raise self._denied(resource)
        DatabricksEndpoints(account=self.account).take_down(self._short(resource.id))
        if self._described(resource.id) is not None:
            self._client.serving_endpoints.delete(resource.id)
            self._until(resource, lambda: self._described(resource.id) is None)

    def _stop_watching(self, resource: Resource) -> None:
        if not resource.id.startswith(self.account.named("")):
            raise self._denied(resource)
        self._monitors.stop(self._short(resource.id))

    def _watched(self, schedule: MonitoringSchedule, since: datetime) -> Resource:
        name = self.account.named(schedule.endpoint)
        return Resource(
            kind=WATCHING,
            id=name,
            name=name,
            created=since,
            running=True,  # as long as it is there
            detail=f"{schedule.endpoint}, every {schedule.every}",
        )

    def _named_job(self, job: BaseJob) -> Resource:
        return Resource(
            kind=NAMED_JOB,
            id=str(job.job_id),
            name=str(job.settings.name) if job.settings else "",
            created=datetime.fromtimestamp((job.created_time or 0) / 1000, UTC),
            running=False,  # its runs are listed by themselves
        )

    def _endpoint(self, endpoint: Any) -> Resource:
        name = self._short(endpoint.name)
        requests = DatabricksEndpoints(account=self.account).requests(name)
        machines = tuple(
            Machines(machine=each.machine, count=each.min_replicas, variant=each.variant)
            for each in requests
        )
        served = [str(each.name) for each in (endpoint.config.served_entities or ())]
        return Resource(
            kind=ENDPOINT,
            id=endpoint.name,
            name=endpoint.name,
            created=datetime.fromtimestamp((endpoint.creation_timestamp or 0) / 1000, UTC),
            running=True,  # as long as it is there
            detail=", ".join(served),
            machines=machines,
            endpoint=name,
        )

    def _job(self, run: BaseRun) -> Resource:
        kind, running = tags_of(run).get(KIND_TAG) or TRAINING, not is_over(run)
        state = run.status.state.value if run.status and run.status.state else ""
        return Resource(
            kind=f"{kind}-job",
            id=str(run.run_id),
            name=str(run.run_name),
            created=datetime.fromtimestamp((run.start_time or 0) / 1000, UTC),
            running=running,
            detail=state,
            machines=(machines_of(run),) if running else (),
            output_uri=self._output_of(run, kind) if running else "",
        )

    def _output_of(self, run: BaseRun, kind: str) -> str:
        if kind == TRAINING:
            return output_of(run)
        asked = DatabricksBatch(account=self.account).request_of(run)
        return asked.output_uri if asked else ""

    def _until(self, resource: Resource, enough: Callable[[], bool]) -> None:
        """See that a thing goes. Raises Unavailable if it does not in time."""
        end = time.monotonic() + _STOPS_WITHIN
        while not enough():
            if time.monotonic() > end:
                raise Unavailable(
                    f"{resource.kind} {resource.id} is there still", code="STILL_RUNNING"
                )
            time.sleep(_LOOK_EVERY)

    def _has_stopped(self, id_: str) -> bool:
        run = found_run(self.account, id_)
        return run is None or is_over(run)

    def _described(self, name: str) -> Any:
        try:
            return self._client.serving_endpoints.get(name)
        except DatabricksError as error:
            if is_missing(error):
                return None
            raise

    def _short(self, name: str) -> str:
        return name.removeprefix(self.account.named(""))

    def _serves_us(self, endpoint: Any) -> bool:
        tags = {each.key: each.value for each in endpoint.tags or ()}
        ours = tags.get(OWNER_TAG) == self.account.owner
        return ours and str(endpoint.name).startswith(self.account.named(""))

    @property
    def _named_jobs(self) -> NamedJobs:
        return NamedJobs(self.account)

    @property
    def _monitors(self) -> LakehouseMonitors:
        return LakehouseMonitors(account=self.account)

    @property
    def _client(self) -> WorkspaceClient:
        return self.account.client(attempts=READS)

    def _is_ours(self, run: Run | BaseRun) -> bool:
        return is_of(run, self.account.owner, self.account.named(""))

    def _denied(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the tag {OWNER_TAG}="
            f"{self.account.owner}; remove it where it belongs",
            code="NOT_OURS",
        )
