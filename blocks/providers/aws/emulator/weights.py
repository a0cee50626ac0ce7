"""What UpdateEndpointWeightsAndCapacities may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.providers.aws.emulator import serverless
from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.managed_scaling import bounds_of
from blocks.providers.aws.emulator.refusals import AwsError


def check_weights(
    wanted: Sequence[Mapping[str, Any]], there: Mapping[str, Fleet], *, queued: bool
) -> None:
    """Raise what SageMaker says to weights and sizes that variants cannot have."""
    names = [each["VariantName"] for each in wanted]
    if missing := sorted({*names} - {*there}):
        told = f'The variant name(s) "{", ".join(missing)}" is/are not present'
        raise AwsError("ValidationException", told)
    if len({*names}) < len(names):
        raise AwsError("ValidationException", f"Variant names must be unique: {names}")
    for each in wanted:
        count = each.get("DesiredInstanceCount")
        if count is not None and serverless.CONFIG in there[each["VariantName"]].variant:
            raise AwsError("ValidationException", "A serverless variant has no instances.")
        if count is not None and bounds_of(there[each["VariantName"]].variant):
            told = f"DesiredInstanceCount of {each['VariantName']} is up to ManagedInstanceScaling"
            raise AwsError("ValidationException", told)
        if count == 0 and not queued:
            told = "DesiredInstanceCount 0 is for asynchronous endpoints"
            raise AwsError("ValidationException", told)
