"""What a service is for, kept at the service itself: its annotation, guarded by its etag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from google.cloud.run_v2.types import Service

from blocks.cloud.owners import mark_of
from blocks.contracts import Frozen, Traffic, VariantRequest
from blocks.providers.gcp.account import GcpAccount

ANNOTATION = "bluewater/endpoint"
_LONGEST = 21  # letters of an endpoint: a tag and a service have 46 letters together, at most
_SHORT = 12


class KeptVariant(Frozen):
    """A variant that was asked for."""

    request: VariantRequest
    token: str

    @property
    def tag(self) -> str:
        """The tag by which its revision is asked past the split."""
        return f"v{self.token[:12]}"

    def revision(self, service: str) -> str:
        """Return the name of its revision: the same question, the same name."""
        return f"{service}-{self.token[:12]}"


class Kept(Frozen):
    """The variants of an endpoint, and how often its traffic was moved."""

    endpoint: str = ""
    variants: Mapping[str, KeptVariant] = {}
    moves: int = 0
    word: str = ""  # of the last move: by it, whoever got no reply knows its own

    @property
    def etag(self) -> str:
        """What `shift` compares; empty for never."""
        return f"move-{self.moves}.{self.word}" if self.moves else ""

    def with_variant(self, variant: KeptVariant) -> Kept:
        """Return it with a variant more."""
        return self.model_copy(
            update={"variants": {**self.variants, variant.request.variant: variant}}
        )

    def without(self, name: str) -> Kept:
        """Return it without a variant."""
        left = {key: each for key, each in self.variants.items() if key != name}
        return self.model_copy(update={"variants": left})

    def traffic(self, service: Service) -> Traffic:
        """Return the split. Cloud Run sends requests to somebody even before it was moved once."""
        names = {each.tag: name for name, each in self.variants.items()}
        percent = {
            names[target.tag]: target.percent
            for target in service.traffic
            if target.percent and target.tag in names
        }
        return Traffic(percent=percent if self.moves else {}, etag=self.etag)


def kept_of(service: Service | None) -> Kept:
    """Return what is kept at a service; nothing, if there is none."""
    told = service.annotations.get(ANNOTATION) if service is not None else None
    return Kept.model_validate_json(told) if told else Kept()


def service_id(account: GcpAccount, endpoint: str) -> str:
    """Return what the service of an endpoint is called; no other owner's is the same."""
    owner = mark_of(account.owner)
    if len(endpoint) > _LONGEST:
        word = hashlib.sha256(endpoint.encode()).hexdigest()[:8]
        endpoint = f"{endpoint[:_SHORT].rstrip('-')}-{word}"
    return f"bw-{owner}-{endpoint}"
