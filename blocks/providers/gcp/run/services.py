"""The calls that read and change a service. A change is made only to what was read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from google.api_core import exceptions
from google.cloud.run_v2 import RevisionsClient, ServicesClient
from google.cloud.run_v2.types import Revision, Service

from blocks.providers.gcp.account import ONCE, OWNER_LABEL, READS, GcpAccount
from blocks.providers.gcp.run.calls import shares_of, to_service, to_template
from blocks.providers.gcp.run.kept import Kept, KeptVariant, service_id

CHANGED = (exceptions.Aborted, exceptions.AlreadyExists, exceptions.FailedPrecondition)
"""Errors after which somebody else has changed it, and it has to be read again."""


class Services:
    """Services and revisions of one project and location."""

    def __init__(self, account: GcpAccount, *, image: str, most: int, capture_every: float) -> None:
        self._account, self._image, self._most = account, image, most
        self._capture_every = capture_every

    def read(self, endpoint: str) -> Service | None:
        """Return the service of an endpoint, or None; one that is being deleted is none."""
        found = self._found(self._name(endpoint))
        return None if found is None or found.delete_time else found

    def revision(self, endpoint: str, variant: KeptVariant) -> Revision | None:
        """Return the revision of a variant, or None while there is none."""
        name = self._name(endpoint)
        revision = variant.revision(service_id(self._account, endpoint))
        try:
            return self._revisions.get_revision(name=f"{name}/revisions/{revision}", **READS)
        except exceptions.NotFound:
            return None

    def create(self, kept: Kept, variant: KeptVariant) -> None:
        """Make the service of an endpoint with its first variant, which gets what comes."""
        id_ = service_id(self._account, kept.endpoint)
        service = Service(
            labels=self._account.marked(),
            template=self._template(variant, id_),
            **to_service(kept, {variant.request.variant: 100}, id_),
        )
        parent = self._account.parent
        self.client.create_service(parent=parent, service=service, service_id=id_, **ONCE)

    def add(self, service: Service, kept: Kept, variant: KeptVariant) -> None:
        """Make the revision of one more variant, which gets nothing yet."""
        id_ = service_id(self._account, kept.endpoint)
        told = {"template": self._template(variant, id_)}
        self._update(service, {**told, **to_service(kept, shares_of(kept, service), id_)})

    def split(self, service: Service, kept: Kept, shares: Mapping[str, int]) -> None:
        """Split the requests between the variants that are kept, and keep no others."""
        id_ = service_id(self._account, kept.endpoint)
        self._update(service, to_service(kept, shares, id_))

    def forget(self, endpoint: str, variant: KeptVariant) -> None:
        """Delete a revision that nobody can reach; the latest of a service has to stay."""
        revision = variant.revision(service_id(self._account, endpoint))
        name = f"{self._name(endpoint)}/revisions/{revision}"
        with contextlib.suppress(exceptions.NotFound, exceptions.FailedPrecondition):
            self._revisions.delete_revision(name=name, **ONCE)

    def delete(self, service: Service) -> None:
        """Delete a service that is as it was read. Gone is fine."""
        with contextlib.suppress(exceptions.NotFound):
            request = {"name": service.name, "etag": service.etag}
            self.client.delete_service(request, **ONCE)

    def is_gone(self, service: Service) -> bool:
        """Whether a service that was deleted runs nothing any more."""
        return self._found(service.name) is None

    def mine(self) -> Iterator[Service]:
        """Yield every service of this owner."""
        for each in self.client.list_services(parent=self._account.parent, **READS):
            if each.labels.get(OWNER_LABEL) == self._account.owner_label and not each.delete_time:
                yield each

    def _found(self, name: str) -> Service | None:
        try:
            return self.client.get_service(name=name, **READS)
        except exceptions.NotFound:
            return None

    def _template(self, variant: KeptVariant, id_: str) -> dict[str, object]:
        most = max(self._most, variant.request.max_replicas)
        return to_template(
            variant,
            id_,
            account=self._account,
            image=self._image,
            most=most,
            capture_every=self._capture_every,
        )

    def _update(self, service: Service, told: Mapping[str, Any]) -> None:
        """Change some fields; all others go back as they were read, with the etag."""
        changed = Service(service)
        for field, value in told.items():
            setattr(changed, field, value)
        request = {"service": changed, "update_mask": {"paths": sorted(told)}}
        self.client.update_service(request, **ONCE)

    def _name(self, endpoint: str) -> str:
        return f"{self._account.parent}/services/{service_id(self._account, endpoint)}"

    @property
    def client(self) -> ServicesClient:
        """The client of services."""
        return self._account.client(ServicesClient)

    @property
    def _revisions(self) -> RevisionsClient:
        return self._account.client(RevisionsClient)
