"""What no update of an endpoint may change, though its new configuration is a good one."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from blocks.providers.aws.emulator.endpoint_changes import Endpoint
from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.queued import CONFIG as QUEUE
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.serverless import kind_of


def require_unscaled(
    endpoint: Endpoint, fleets: Sequence[Fleet], *, scaled: Container[str]
) -> None:
    """Refuse another kind of machine for a variant that is scaled, as the service does.

    What it does with one that is taken away is not documented; here that is refused, too, so
    that nothing scales what is gone.
    """
    kinds = {each.name: kind_of(each.variant) for each in fleets if not each.shadow}
    for each in (each for each in endpoint.live() if each.name in scaled):
        if kinds.get(each.name) != kind_of(each.variant):
            told = (
                f"Variant {each.name} has automatic scaling applied: deregister it before it "
                "is removed or its instance type is changed."
            )
            raise AwsError("ValidationException", told)


def require_same_kind(endpoint: Endpoint, settings: dict[str, Any]) -> None:
    """Refuse to give an endpoint a queue, or to take it away.

    What the service does then is not documented; requests that wait would have no place.
    """
    if (QUEUE in endpoint.settings) != (QUEUE in settings):
        told = f"{QUEUE} cannot be added to or removed from an endpoint."
        raise AwsError("ValidationException", told)
