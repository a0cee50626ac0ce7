"""Everything of ours in a workspace of Azure Machine Learning, by its name and owner's tag."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

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
from blocks.providers.azure.clusters import Clusters
from blocks.providers.azure.errors import explain
from blocks.providers.azure.jobs import BATCH, TRAINING, is_over, kind_of
from blocks.providers.azure.lookup import READS, look_for
from blocks.providers.azure.training import AzureTraining
from blocks.providers.azure.training_calls import machines_of, output_of

_JOBS: Mapping[str, type[AzureTraining | AzureBatch]] = {
    f"{TRAINING}-job": AzureTraining,
    f"{BATCH}-job": AzureBatch,
}
_CLUSTER = "compute-cluster"
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
        for cluster in self.account.ml(attempts=READS).compute.list():
            if _owner_of(cluster) == self.account.owner:
                yield _cluster(cluster)

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
        if resource.kind == _CLUSTER:
            self._remove_cluster(resource)
            return
        if resource.kind not in _JOBS:
            raise self._denied(resource)
        job = look_for(self._jobs.get, resource.id, patient=False)
        if job is None:
            return
        if not self._is_ours(job):
            raise self._denied(resource)
        jobs = _JOBS[resource.kind](account=self.account)
        jobs.cancel(
            OperationRef(
                provider=self.provider, capability=jobs.capability, id=resource.id, token=""
            )
        )
        self._until_over(resource.id)

    def _remove_cluster(self, resource: Resource) -> None:
        found = Clusters(self.account).find(resource.id)
        if found is None or found.provisioning_state == "Deleting":
            return
        if _owner_of(found) != self.account.owner:
            raise self._denied(resource)
        self.account.ml().compute.begin_delete(resource.id)

    def _until_over(self, name: str) -> None:
        """See that a job stops. Raises Unavailable if it does not in time."""
        end = time.monotonic() + _STOPS_WITHIN
        while not is_over(job := self._jobs.get(name)):
            if time.monotonic() > end:
                raise Unavailable(f"job {name} is still {job.status}", code="STILL_RUNNING")
            time.sleep(_LOOK_EVERY)

    def _is_ours(self, thing: Any) -> bool:
        named = str(thing.name).startswith(self.account.named(""))
        return named and _owner_of(thing) == self.account.owner

    def _denied(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the tag {OWNER_TAG}="
            f"{self.account.owner}; remove it where it belongs",
            code="NOT_OURS",
        )

    @property
    def _jobs(self) -> Any:
        return self.account.ml(attempts=READS).jobs


def _owner_of(thing: Any) -> str:
    return str((thing.tags or {}).get(OWNER_TAG, ""))


def _cluster(cluster: Any) -> Resource:
    """Return a cluster, which is nothing that runs: what runs on it are jobs."""
    made = cluster.created_on
    return Resource(
        kind=_CLUSTER,
        id=cluster.name,
        name=cluster.name,
        created=datetime.fromisoformat(made) if made else datetime.now(UTC),
        running=False,
        detail=f"{cluster.tier} {cluster.size}, at most {cluster.max_instances}",
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
