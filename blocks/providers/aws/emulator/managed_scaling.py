"""Managed instance scaling: SageMaker brings machines for copies of models, and takes them away.

It is for variants whose models come as inference components: a copy that finds no room brings a
machine, and machines that no copy needs go. Simpler than the real service: both happen at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blocks.providers.aws.emulator.machine_sizes import Size, have_room, size_of
from blocks.providers.aws.emulator.refusals import AwsError

CONFIG = "ManagedInstanceScaling"
_EMULATED = {"Status", "MinInstanceCount", "MaxInstanceCount"}


def check_managed(variant: Mapping[str, Any]) -> None:
    """Raise what SageMaker says to a variant that cannot be scaled so."""
    told = variant.get(CONFIG)
    if told is None:
        return
    if unknown := sorted({*told} - _EMULATED):
        raise AwsError("UnknownOperationException", f"not emulated: {', '.join(unknown)}", 501)
    if "ModelName" in variant:
        words = f"{CONFIG} is for variants of inference components, without ModelName."
        raise AwsError("ValidationException", words)
    bounds = bounds_of(variant)
    if bounds and not bounds[0] <= variant.get("InitialInstanceCount", 0) <= bounds[1]:
        words = (
            f"InitialInstanceCount must be between MinInstanceCount and MaxInstanceCount: {told}"
        )
        raise AwsError("ValidationException", words)


def bounds_of(variant: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the fewest and the most machines of a variant; None if they are not scaled so."""
    told = variant.get(CONFIG, {})
    if told.get("Status") != "ENABLED":
        return None
    least = int(told.get("MinInstanceCount", variant.get("InitialInstanceCount", 0)))
    return least, int(told.get("MaxInstanceCount", least))


def machines_for(variant: Mapping[str, Any], count: int, copies: list[Size]) -> int | None:
    """Return how many machines a variant will have for these copies; None if they find no room.

    ``count`` is how many it has.
    """
    least, most = bounds_of(variant) or (count, count)
    machine = size_of(variant["InstanceType"])
    sizes = range(least, most + 1)
    return next((each for each in sizes if have_room([machine] * each, copies)), None)
