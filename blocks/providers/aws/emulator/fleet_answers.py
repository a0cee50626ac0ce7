"""What a description of an endpoint says of its variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blocks.providers.aws.emulator.endpoint_changes import Coming
from blocks.providers.aws.emulator.endpoint_configs import PRODUCTION, SHADOW
from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.serverless import CONFIG


def told_of_fleets(fleets: Sequence[Fleet]) -> list[dict[str, Any]] | None:
    """Return the variants of a description; None where there are none."""
    return [
        {
            "VariantName": each.name,
            "CurrentWeight": each.weight,
            "DesiredWeight": each.wanted,
            **_images(each),
            **(
                {f"Current{CONFIG}": each.variant[CONFIG]}
                if CONFIG in each.variant
                else {
                    "CurrentInstanceCount": each.size(),
                    "DesiredInstanceCount": each.count,
                }
            ),
        }
        for each in fleets
    ] or None


def told_of_coming(coming: Coming | None) -> dict[str, Any] | None:
    """Return what a description says of the change that is on its way; None without one."""
    if coming is None:
        return None
    state = {"VariantStatus": [{"Status": coming.stage, "StartTime": coming.began}]}
    told = {
        word: [
            {**each, **_machine(fleet), **state}
            for fleet, each in zip(fleets, told_of_fleets(fleets) or (), strict=True)
        ]
        for word, fleets in (
            (PRODUCTION, [each for each in coming.fleets if not each.shadow]),
            (SHADOW, [each for each in coming.fleets if each.shadow]),
        )
        if fleets
    }
    return {
        "EndpointConfigName": coming.settings["EndpointConfigName"],
        "StartTime": coming.began,
        **told,
    }


def _machine(fleet: Fleet) -> dict[str, str]:
    machine = fleet.variant.get("InstanceType")
    return {"InstanceType": machine} if machine else {}


def _images(fleet: Fleet) -> dict[str, Any]:
    image = fleet.model.get("PrimaryContainer", {}).get("Image")
    return {"DeployedImages": [{"SpecifiedImage": image}]} if image else {}
