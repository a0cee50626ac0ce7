"""What is deployed, or should be, to an endpoint: one object that only who read it replaces.

Clouds take minutes to deploy a model and show little of it before, so what is wanted is written
down first. Every look at the endpoint takes it a step nearer to that, whoever looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Generic, Self, TypeVar

from blocks.cloud.variants import differs
from blocks.contracts import Frozen, Unavailable, VariantRequest


class WantedVariant(Frozen):
    """A variant that was asked for."""

    request: VariantRequest
    token: str
    operation: str = ""  # the deployment that was begun last, where the cloud names them
    failure: str = ""  # why it never got ready; it is left alone from then on
    code: str = "NEVER_READY"  # of that failure
    leaving: bool = False  # it is to be taken down, and forgotten then
    proven: bool = False  # it was ready once

    def is_still(self, now: Self) -> bool:
        """Whether what is wanted under its name now is still this one."""
        return now.token == self.token


V = TypeVar("V", bound=WantedVariant)


class WantedVariants(Frozen, Generic[V]):
    """The variants of an endpoint, of a cloud's own kind."""

    variants: Mapping[str, V] = {}

    def staying(self) -> Mapping[str, V]:
        """Return the variants that are wanted."""
        return {name: each for name, each in self.variants.items() if not each.leaving}

    def asked(self, variant: V, *, again: timedelta) -> Self:
        """Return the same with a variant more, or as it is if the same was asked for before.

        Raises Conflict where its name is taken, and Unavailable while one of that name is taken
        down: ask ``again`` then.
        """
        request = variant.request
        known = self.variants.get(request.variant)
        if known is None:
            return self.put(variant)
        if known.leaving:
            raise Unavailable(
                f"variant {request.variant!r} of {request.endpoint!r} is being taken down; ask "
                "again",
                code="LEAVING",
                retry_after=again,
            )
        if known.request != request:
            raise differs(known.request, request)
        return self

    def released(self, names: Iterable[str]) -> Self:
        """Return the same, with variants of these names to be taken down."""
        now = self
        for name in [each for each in names if each in now.staying()]:
            now = now.put(now.variants[name].model_copy(update={"leaving": True}))
        return now

    def refused(self, variant: V) -> Self:
        """Return the same, with a variant to be taken down that was not to be had.

        One that was ready before stays: who asks for it again meets a refusal of something else.
        """
        now = self.variants.get(variant.request.variant)
        if now is None or now.proven or not variant.is_still(now):
            return self
        return self.released([variant.request.variant])

    def put(self, variant: V) -> Self:
        """Return the same with that variant."""
        return self._with({**self.variants, variant.request.variant: variant})

    def noted(self, variant: V, **changes: object) -> Self:
        """Return the same with changes of a variant, if it is still the one that was meant."""
        now = self.variants.get(variant.request.variant)
        if now is None or not variant.is_still(now):
            return self
        return self.put(now.model_copy(update=changes))

    def without(self, variant: V) -> Self:
        """Return the same without a variant, if it is still the one that was meant."""
        name = variant.request.variant
        now = self.variants.get(name)
        if now is None or not variant.is_still(now):
            return self
        return self._with({key: each for key, each in self.variants.items() if key != name})

    def _with(self, variants: Mapping[str, V]) -> Self:
        return self.model_copy(update={"variants": variants})


class Wanted(WantedVariants[WantedVariant]):
    """The variants of an endpoint."""
