"""What a description of an endpoint says of its variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.serverless import CONFIG


def told_of_fleets(fleets: Sequence[Fleet]) -> list[dict[str, Any]] | None:
    """Return the variants of a description; None where there are none."""
    return [
        {
            "VariantName": each.name,
            "CurrentWeight": each.weight,
            "DesiredWeight": each.wanted,
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
