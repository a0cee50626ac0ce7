"""Everything of ours in a workspace of Azure Machine Learning, by its name and owner's tag."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from azure.ai.ml.entities import Job
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Denied,
    Inventory,
    Machines,
    OperationRef,
    ProviderError,
    Resource,
    Unavailable,
)
from blocks.providers.azure.account import OWNER_TAG, AzureAccount
from blocks.providers.azure.batch import AzureBatch
from blocks.providers.azure.batch_endpoints.calls import MADE_TAG, MODEL_TAG
from blocks.providers.azure.clusters import CLUSTER_KIND, Clusters
from blocks.providers.azure.endpoint_calls import ENDPOINT_TAG, endpoint_mark
from blocks.providers.azure.endpoints import AzureEndpoints
from blocks.providers.azure.errors import explain
from blocks.providers.azure.jobs import BATCH, TRAINING, is_over, is_pipeline, kind_of
from blocks.providers.azure.lookup import READS, is_name, look_for
from blocks.providers.azure.scaling import AUTOSCALE_KIND, Scaling
from blocks.providers.azure.training import AzureTraining
from blocks.providers.azure.training_calls import machines_of, output_of
from blocks.providers.azure.watching import SCHEDULE_KIND, AzureWatching

_JOBS: Mapping[str, type[AzureTraining | AzureBatch]] = {
    f"{TRAINING}-job": AzureTraining,
    f"{BATCH}-job": AzureBatch,
}
ENDPOINT, BATCH_ENDPOINT = "endpoint", "batch-endpoint"
_STOPS_WITHIN = 180.0  # seconds; a container may take a while after it was told
_LOOK_EVERY = 0.5


class AzureInventory(Block, Inventory):
    """Lists and stops what was started under this owner; objects and models stay."""

    _block_type_name = "Azure inventory"
    _block_type_slug = "azure-inventory"

    provider: ClassVar[str] = "azure"

    account: AzureAccount = Field(default_factory=AzureAccount, description="Whose things.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        for job in self._jobs.list():
            if self._is_ours(job):
                found = _resource(job)
                yield self._detailed(found) if found.running else found
        yield from self._clusters.owned()
        for endpoint in self._endpoints.list():
            if self._is_ours(endpoint):
                yield self._served(endpoint)
        for endpoint in self._batch_endpoints.list():
            if self._is_ours(endpoint):
                yield _idle(endpoint)
        yield from self._scaling.owned()
        yield from self._watching.owned()

    def _served(self, endpoint: Any) -> Resource:
        """Return an endpoint with the machines of those that should be behind it."""
        name = str((endpoint.tags or {}).get(ENDPOINT_TAG, ""))
        requests = AzureEndpoints(account=self.account, image="none").requests(name)
        machines = tuple(
            Machines(machine=each.machine, count=each.min_replicas, variant=each.variant)
            for each in requests
        )
        return Resource(
            kind=ENDPOINT,
            id=endpoint.name,
            name=name,
            created=datetime.fromisoformat(endpoint.properties["createdAt"]),
            running=True,
            detail=str(endpoint.provisioning_state),
            endpoint=name,
            machines=machines,
        )

    def _detailed(self, resource: Resource) -> Resource:
        """Add what a running job runs on and whose it is: a list does not tell."""
        if resource.kind == f"{BATCH}-job":
            asked = AzureBatch(account=self.account).request_of(resource.id)
            if asked is None:
                return resource
            machines, output = Machines(machine=asked.machine, spot=asked.spot), asked.output_uri
        else:
            job = look_for(self._jobs.get, resource.id, patient=False)
            if job is None:
                return resource
            machines, output = machines_of(job), output_of(job)
        return resource.model_copy(update={"machines": (machines,), "output_uri": output})

    def _remove(self, resource: Resource) -> None:
        if resource.kind == CLUSTER_KIND:
            self._clusters.remove(resource.id)
            return
        if resource.kind in (AUTOSCALE_KIND, SCHEDULE_KIND):
            of = self._scaling if resource.kind == AUTOSCALE_KIND else self._watching
            if not of.remove(resource.id):
                raise self._denied(resource)
            return
        endpoints = {ENDPOINT: self._endpoints.get, BATCH_ENDPOINT: self._batch_endpoints.get}
        kinds = {**dict.fromkeys(_JOBS, self._jobs.get), **endpoints}
        if resource.kind not in kinds or not is_name(resource.id):
            raise self._denied(resource)
        thing = look_for(kinds[resource.kind], resource.id, patient=False)
        if thing is None:
            return
        if not self._is_ours(thing):
            raise self._denied(resource)
        if resource.kind == ENDPOINT:
            self._take_down(thing)
        elif resource.kind == BATCH_ENDPOINT:
            self._delete(self._batch_endpoints, self.account.ml().batch_endpoints, thing.name)
        else:
            self._stop(resource)

    def _take_down(self, endpoint: Any) -> None:
        """Want nothing of an endpoint any more; one that nobody wants is an orphan and goes."""
        name = str((endpoint.tags or {}).get(ENDPOINT_TAG, ""))
        AzureEndpoints(account=self.account, image="none").take_down(name)
        if look_for(self._endpoints.get, endpoint.name, patient=False) is None:
            return
        self._delete(self._endpoints, self.account.ml().online_endpoints, endpoint.name)

    def _delete(self, reads: Any, once: Any, name: str) -> None:
        """Remove an endpoint, with what is below it, and wait until it is gone."""
        once.begin_delete(name)
        self._until(
            lambda: look_for(reads.get, name, patient=False) is None,
            f"endpoint {name} is there still",
        )

    def _stop(self, resource: Resource) -> None:
        jobs = _JOBS[resource.kind](account=self.account)
        jobs.cancel(
            OperationRef(
                provider=self.provider, capability=jobs.capability, id=resource.id, token=""
            )
        )
        self._until(lambda: is_over(self._jobs.get(resource.id)), f"job {resource.id} runs still")

    def _until(self, enough: Callable[[], bool], still: str) -> None:
        """Wait until it is so. Raises Unavailable if it is not in time."""
        end = time.monotonic() + _STOPS_WITHIN
        while not enough():
            if time.monotonic() > end:
                raise Unavailable(still, code="STILL_RUNNING")
            time.sleep(_LOOK_EVERY)

    def _is_ours(self, thing: Any) -> bool:
        marks = self.account.named(""), endpoint_mark(self.account)
        if not str(thing.name).startswith(marks):
            return False
        if isinstance(thing, Job) and is_pipeline(thing):
            return AzureBatch(account=self.account).request_of(thing.name) is not None
        return (thing.tags or {}).get(OWNER_TAG) == self.account.owner

    def _denied(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the tag {OWNER_TAG}="
            f"{self.account.owner}; remove it where it belongs",
            code="NOT_OURS",
        )

    @property
    def _endpoints(self) -> Any:
        return self.account.ml(attempts=READS).online_endpoints

    @property
    def _batch_endpoints(self) -> Any:
        return self.account.ml(attempts=READS).batch_endpoints

    @property
    def _clusters(self) -> Clusters:
        return Clusters(self.account)

    @property
    def _watching(self) -> AzureWatching:
        return AzureWatching(account=self.account)

    @property
    def _scaling(self) -> Scaling:
        return Scaling(self.account)

    @property
    def _jobs(self) -> Any:
        return self.account.ml(attempts=READS).jobs


def _idle(endpoint: Any) -> Resource:
    """Return a batch endpoint: nothing runs for it but jobs, which are listed themselves."""
    return Resource(
        kind=BATCH_ENDPOINT,
        id=endpoint.name,
        name=endpoint.tags.get(MODEL_TAG, ""),
        created=datetime.fromisoformat(endpoint.tags[MADE_TAG]),
        running=False,
        detail=str(endpoint.provisioning_state),
    )


def _resource(job: Any) -> Resource:
    return Resource(
        kind=f"{kind_of(job) or TRAINING}-job",
        id=job.name,
        name=job.name,
        created=job.creation_context.created_at,
        running=not is_over(job),
        detail=str(job.status),
    )
