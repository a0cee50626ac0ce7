"""Everything of ours in a project and location of Vertex AI, by its owner's label."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import CustomJob, JobState
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Denied, Inventory, OperationRef, ProviderError, Resource, Unavailable
from blocks.providers.gcp.account import OWNER_LABEL, READS, GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.lookup import is_id, look_for
from blocks.providers.gcp.training import VertexTraining
from blocks.providers.gcp.training_calls import KIND_LABEL, TRAINING, is_over

_STOPS_WITHIN = 180.0  # seconds
_LOOK_EVERY = 0.5
_JOBS: Mapping[str, str] = {"training-job": TRAINING}  # kind of resource -> label of custom jobs


class GcpInventory(Block, Inventory):
    """Lists and stops what was started under this owner; objects, models and finished jobs stay."""

    _block_type_name = "Google Cloud inventory"
    _block_type_slug = "gcp-inventory"

    provider: ClassVar[str] = "gcp"

    account: GcpAccount = Field(default_factory=GcpAccount, description="Whose things are listed.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        for kind, label in _JOBS.items():
            told = f'{self.account.mine} AND labels.{KIND_LABEL}="{label}"'
            asked: dict[str, Any] = {"parent": self.account.parent, "filter": told}
            for job in self._jobs.list_custom_jobs(asked, **READS):
                yield _resource(kind, job)

    def _remove(self, resource: Resource) -> None:
        if resource.kind not in _JOBS or not is_id(resource.id):
            raise self._denied(resource)
        job = self._job(resource.id)
        if job is None:
            return
        if job.labels.get(OWNER_LABEL) != self.account.owner_label:
            raise self._denied(resource)
        VertexTraining(account=self.account).cancel(
            OperationRef(provider=self.provider, capability="training", id=resource.id, token="")
        )
        self._until_over(resource)

    def _until_over(self, resource: Resource) -> None:
        """See that a job stops. Raises Unavailable if it does not in time."""
        end = time.monotonic() + _STOPS_WITHIN
        while (job := self._job(resource.id)) is not None and not is_over(job):
            if time.monotonic() > end:
                state = JobState(job.state).name
                raise Unavailable(
                    f"{resource.kind} {resource.id} is still in {state}", code="STILL_RUNNING"
                )
            time.sleep(_LOOK_EVERY)

    def _job(self, id_: str) -> CustomJob | None:
        name = f"{self.account.parent}/customJobs/{id_}"
        return look_for(lambda: self._jobs.get_custom_job(name=name, **READS), patient=False)

    @property
    def _jobs(self) -> JobServiceClient:
        return self.account.client(JobServiceClient)

    def _denied(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the label "
            f"{OWNER_LABEL}={self.account.owner_label}; remove it where it belongs",
            code="NOT_OURS",
        )


def _resource(kind: str, job: CustomJob) -> Resource:
    return Resource(
        kind=kind,
        id=job.name.rpartition("/")[2],
        name=job.display_name,
        created=job.create_time,
        running=not is_over(job),
        detail=JobState(job.state).name,
    )
