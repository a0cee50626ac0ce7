"""Every service of this owner on Cloud Run, by its label."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

from google.cloud.run_v2.types import Service
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Denied, Inventory, Machines, ProviderError, Resource, Unavailable
from blocks.providers.gcp.account import OWNER_LABEL, READS, GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.lookup import is_id, look_for
from blocks.providers.gcp.run.kept import kept_of
from blocks.providers.gcp.run.services import Services

KIND = "endpoint"
_GONE_WITHIN, _LOOK_EVERY = 180.0, 0.2  # seconds


class CloudRunInventory(Block, Inventory):
    """Lists and deletes the services of this owner; images, models and logs stay."""

    _block_type_name = "Cloud Run inventory"
    _block_type_slug = "gcp-run-inventory"

    provider: ClassVar[str] = "gcp-run"

    account: GcpAccount = Field(default_factory=GcpAccount, description="Whose things are listed.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        for service in self._services.mine():
            yield _resource(service)

    def _remove(self, resource: Resource) -> None:
        if resource.kind != KIND or not is_id(resource.id):
            raise self._foreign(resource)
        name = f"{self.account.parent}/services/{resource.id}"
        found = look_for(lambda: self._services.client.get_service(name=name, **READS))
        if found is None:
            return
        if found.labels.get(OWNER_LABEL) != self.account.owner_label:
            raise self._foreign(resource)
        self._services.delete(found)
        end = time.monotonic() + _GONE_WITHIN
        while not self._services.is_gone(found):
            if time.monotonic() > end:
                raise Unavailable(f"{resource.id} is still being deleted", code="DELETING")
            time.sleep(_LOOK_EVERY)

    def _foreign(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the label "
            f"{OWNER_LABEL}={self.account.owner_label}; remove it where it belongs",
            code="NOT_OURS",
        )

    @property
    def _services(self) -> Services:
        return Services(self.account, image="", most=1, capture_every=0)


def _resource(service: Service) -> Resource:
    """Return a service as a resource; it bills while instances are kept ready for it."""
    kept, id_ = kept_of(service), service.name.rpartition("/")[2]
    requests = [each.request for each in kept.variants.values()]
    return Resource(
        kind=KIND,
        id=id_,
        name=id_,
        created=service.create_time,
        running=any(each.min_replicas for each in requests),
        detail=", ".join(sorted(each.variant for each in requests)),
        machines=tuple(
            Machines(machine=each.machine, count=each.min_replicas, variant=each.variant)
            for each in requests
        ),
        endpoint=kept.endpoint,
    )
