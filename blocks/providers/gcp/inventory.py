"""Everything of ours in a project and location of Vertex AI, by its owner's label."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

from google.api_core.exceptions import FailedPrecondition
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from google.cloud.aiplatform_v1.types import Endpoint, Model
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Denied,
    Inventory,
    Machines,
    ProviderError,
    Resource,
    Unavailable,
)
from blocks.providers.gcp.account import OWNER_LABEL, READS, GcpAccount
from blocks.providers.gcp.endpoint_calls import KIND as SERVED
from blocks.providers.gcp.endpoints import VertexEndpoints
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.lookup import is_id, look_for
from blocks.providers.gcp.monitor_schedules import KIND as SCHEDULE
from blocks.providers.gcp.monitor_schedules import MonitorSchedules
from blocks.providers.gcp.owned_jobs import OwnedJobs
from blocks.providers.gcp.training_calls import KIND_LABEL, is_over

_STOPS_WITHIN = 180.0  # seconds
_LOOK_EVERY = 0.5
ENDPOINT, MODEL = "endpoint", "model"


class GcpInventory(Block, Inventory):
    """Lists and stops what was started under this owner.

    Objects, registered models and finished jobs stay.
    """

    _block_type_name = "Google Cloud inventory"
    _block_type_slug = "gcp-inventory"

    provider: ClassVar[str] = "gcp"

    account: GcpAccount = Field(default_factory=GcpAccount, description="Whose things are listed.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        yield from self._jobs.listed()
        for endpoint in self._endpoints.list_endpoints(self._mine(), **READS):
            found = _endpoint(endpoint)
            name = found.id.removeprefix(self.account.named(""))
            requests = VertexEndpoints(account=self.account, image="none").requests(name)
            machines = tuple(
                Machines(machine=each.machine, count=each.min_replicas, variant=each.variant)
                for each in requests
            )
            yield found.model_copy(update={"endpoint": name, "machines": machines})
        yield from MonitorSchedules(account=self.account).owned()
        for model in self._models.list_models(self._mine(SERVED), **READS):
            yield _model(model)

    def _remove(self, resource: Resource) -> None:
        if resource.kind == SCHEDULE:
            if not MonitorSchedules(account=self.account).remove(resource.id):
                raise self._denied(resource)
            return
        remove = {
            **dict.fromkeys(OwnedJobs.kinds, self._stop),
            ENDPOINT: self._take_down,
            MODEL: self._delete_model,
        }.get(resource.kind)
        if remove is None or not is_id(resource.id):
            raise self._denied(resource)
        told = self._described(resource)
        if told is None:
            return
        if told.labels.get(OWNER_LABEL) != self.account.owner_label:
            raise self._denied(resource)
        remove(resource)

    def _stop(self, resource: Resource) -> None:
        """Stop a job and see that it stops. Raises Unavailable if it does not in time."""
        self._jobs.cancel(resource)
        self._until(resource, lambda job: job is None or is_over(job))

    def _take_down(self, resource: Resource) -> None:
        """Want nothing of an endpoint any more; one that nobody wants is an orphan and goes."""
        name = resource.id.removeprefix(self.account.named(""))
        VertexEndpoints(account=self.account, image="none").take_down(name)
        endpoint = self._described(resource)
        if endpoint is None:
            return
        emptied = Endpoint(name=endpoint.name, display_name=endpoint.display_name, traffic_split={})
        self._endpoints.update_endpoint(
            endpoint=emptied, update_mask={"paths": ["traffic_split"]}, **READS
        )
        for deployed in endpoint.deployed_models:
            self._endpoints.undeploy_model(
                endpoint=endpoint.name, deployed_model_id=deployed.id, **READS
            ).result(timeout=_STOPS_WITHIN)
        self._endpoints.delete_endpoint(name=endpoint.name, **READS)
        self._until(resource, lambda found: found is None)

    def _delete_model(self, resource: Resource) -> None:
        """Delete a model that was made to be served; while it is, its endpoint has to go first."""
        try:
            self._models.delete_model(name=self._name(resource), **READS)
        except FailedPrecondition as error:
            raise Unavailable(
                f"model {resource.id} is served still; remove its endpoint, and ask again",
                code="STILL_SERVED",
            ) from error
        self._until(resource, lambda found: found is None)

    def _until(self, resource: Resource, enough: Callable[[Any], bool]) -> None:
        end = time.monotonic() + _STOPS_WITHIN
        while not enough(self._described(resource)):
            if time.monotonic() > end:
                raise Unavailable(
                    f"{resource.kind} {resource.id} is there still", code="STILL_RUNNING"
                )
            time.sleep(_LOOK_EVERY)

    def _described(self, resource: Resource) -> Any:
        if resource.kind in OwnedJobs.kinds:
            return self._jobs.described(resource)
        get: Callable[..., Any] = {
            ENDPOINT: self._endpoints.get_endpoint,
            MODEL: self._models.get_model,
        }[resource.kind]
        return look_for(partial(get, name=self._name(resource), **READS), patient=False)

    def _name(self, resource: Resource) -> str:
        collection = {ENDPOINT: "endpoints", MODEL: "models"}[resource.kind]
        return f"{self.account.parent}/{collection}/{resource.id}"

    def _mine(self, kind: str = "") -> dict[str, str]:
        told = f'{self.account.mine} AND labels.{KIND_LABEL}="{kind}"' if kind else None
        return {"parent": self.account.parent, "filter": told or self.account.mine}

    @property
    def _jobs(self) -> OwnedJobs:
        return OwnedJobs(account=self.account)

    @property
    def _endpoints(self) -> EndpointServiceClient:
        return self.account.client(EndpointServiceClient)

    @property
    def _models(self) -> ModelServiceClient:
        return self.account.client(ModelServiceClient)

    def _denied(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the label "
            f"{OWNER_LABEL}={self.account.owner_label}; remove it where it belongs",
            code="NOT_OURS",
        )


def _endpoint(endpoint: Endpoint) -> Resource:
    deployed = [each.display_name for each in endpoint.deployed_models]
    return Resource(
        kind=ENDPOINT,
        id=_id(endpoint.name),
        name=endpoint.display_name,
        created=endpoint.create_time,
        running=bool(deployed),
        detail=", ".join(deployed),
    )


def _model(model: Model) -> Resource:
    return Resource(
        kind=MODEL,
        id=_id(model.name),
        name=model.display_name,
        created=model.create_time,
        running=False,
    )


def _id(name: str) -> str:
    return name.rpartition("/")[2]
