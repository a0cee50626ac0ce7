"""What may change at an endpoint of SageMaker, beside what the contract says."""

from __future__ import annotations

from collections.abc import Mapping

from blocks.contracts import Conflict, Traffic, Unsupported, VariantRequest
from blocks.providers.aws.asynchronous import AsyncInference
from blocks.providers.aws.desired import Desired
from blocks.providers.aws.endpoint_calls import BUSY, holds
from blocks.providers.aws.serverless import is_serverless
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


def require_alone(asked: VariantRequest, queue: AsyncInference | None, now: Desired) -> None:
    """Raise for a second variant where SageMaker has one alone: serverless, or behind a queue."""
    others = [each.request for each in now.variants.values() if not each.failure]
    if not others:
        return
    if queue != now.asynchronous:
        raise Conflict(
            f"endpoint {asked.endpoint!r} has asynchronous={now.asynchronous!r}, and {queue!r} is "
            "wanted; an endpoint stays what it is, so take another name for it",
            code="ASYNCHRONOUS",
        )
    kind = "asynchronous" if queue else "serverless"
    if queue is None and not any(is_serverless(each) for each in (asked, *others)):
        return
    there = ", ".join(f"{each.variant} on {each.machine}" for each in others)
    raise Unsupported(
        f"a {kind} endpoint has one variant, no split and no copies, and {asked.endpoint!r} "
        f"has {there}; take an endpoint of machines that answers at once, or a new one",
        code="WEIGHTS",
    )


def require_synchronous(to: Traffic, now: Desired) -> None:
    """Raise Unsupported for a mirror of requests that wait in a queue."""
    if to.mirror is not None and now.asynchronous is not None:
        raise Unsupported(
            "SageMaker makes no copies of requests that wait in a queue", code="MIRROR"
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
