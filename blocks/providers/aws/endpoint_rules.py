"""What may change at an endpoint of SageMaker, beside what the contract says."""

from __future__ import annotations

from collections.abc import Mapping

from blocks.contracts import Conflict, Traffic, Unsupported, VariantRequest
from blocks.providers.aws.desired import Desired
from blocks.providers.aws.endpoint_calls import BUSY, holds
from blocks.providers.aws.steering import Seen


def is_leaving(seen: Seen, variant: str) -> bool:
    """Whether SageMaker has taken up a change to an endpoint without that variant."""
    desired, endpoint = seen.desired, seen.endpoint
    if endpoint is None or variant in desired.variants:
        return True
    if not desired.served():
        return bool(endpoint["EndpointStatus"] == "Deleting")
    if endpoint["EndpointStatus"] in BUSY:
        return desired.attempt is not None and holds(desired.attempt.config, desired)
    return holds(endpoint["EndpointConfigName"], desired)


def require_alike(asked: VariantRequest, now: Desired) -> None:
    """Raise Conflict for what an endpoint cannot have beside what it has."""
    if now.mirror is not None:
        raise Conflict(
            f"{now.mirror.variant!r} of {asked.endpoint!r} gets copies, and SageMaker takes no "
            "third variant beside that; end the mirror first",
            code="MIRROR",
        )
    for other in now.variants.values():
        wanted, there = asked.serving.token_secret, other.request.serving.token_secret
        if wanted != there:
            raise Conflict(
                f"serving.token_secret is {wanted!r}, and endpoint {asked.endpoint!r} has "
                f"{there!r} for all its callers; keep it, or take another name for the endpoint",
                code="SERVING",
            )


def require_room(to: Traffic, shares: Mapping[str, int], now: Desired) -> None:
    """Raise for a mirror that SageMaker cannot make: one live variant, one shadow, no third."""
    if to.mirror is None:
        return
    if len(shares) != 1 or to.mirror.variant in shares:
        raise Unsupported(
            "copies are made of one live variant's requests; give one variant everything",
            code="MIRROR",
        )
    if others := set(now.served()) - {*shares, to.mirror.variant}:
        raise Conflict(
            f"SageMaker takes no third variant beside a mirror; retire {', '.join(sorted(others))}",
            code="MIRROR",
        )
