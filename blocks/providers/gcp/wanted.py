"""What is deployed, or should be, to an endpoint: one object that only who read it replaces.

Vertex AI takes minutes to deploy a model and shows nothing of it before, so what is wanted is
written down first. Every look at the endpoint takes it a step nearer to that, whoever looks. How
traffic is split is Vertex AI's to know: it takes such a change at once, and under an etag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from blocks.cloud.bucket import Bucket
from blocks.cloud.documents import Documents
from blocks.contracts import Frozen, VariantRequest

_DIGITS = 10**10  # ids of deployed models have up to ten digits


class WantedVariant(Frozen):
    """A variant that was asked for."""

    request: VariantRequest
    token: str
    operation: str = ""  # the deployment that was begun last
    failure: str = ""  # why it never got ready; it is left alone from then on
    leaving: bool = False  # it is to be taken down, and forgotten then

    @property
    def deployed_id(self) -> str:
        """The id of its deployed model, so that asking twice deploys once."""
        digest = hashlib.sha256(self.token.encode()).digest()
        return f"{int.from_bytes(digest[:8]) % _DIGITS:010d}"


class Wanted(Frozen):
    """The variants of an endpoint."""

    variants: Mapping[str, WantedVariant] = {}

    def staying(self) -> Mapping[str, WantedVariant]:
        """Return the variants that are wanted."""
        return {name: each for name, each in self.variants.items() if not each.leaving}

    def put(self, variant: WantedVariant) -> Wanted:
        """Return the same with that variant."""
        return Wanted(variants={**self.variants, variant.request.variant: variant})

    def noted(self, variant: WantedVariant, **changes: object) -> Wanted:
        """Return the same with changes of a variant, if it is still the one that was meant."""
        now = self.variants.get(variant.request.variant)
        if now is None or now.token != variant.token:
            return self
        return self.put(now.model_copy(update=changes))

    def without(self, variant: WantedVariant) -> Wanted:
        """Return the same without a variant, if it is still the one that was meant."""
        name = variant.request.variant
        now = self.variants.get(name)
        if now is None or now.token != variant.token:
            return self
        return Wanted(variants={key: each for key, each in self.variants.items() if key != name})


def wishes(bucket: Bucket, folder: str) -> Documents[Wanted]:
    """Return what is wanted of endpoints, kept below a folder."""
    return Documents(bucket, Wanted, lambda endpoint: f"{folder}/{endpoint}/wanted.json")
