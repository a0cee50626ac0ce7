"""Which tags a thing of SageMaker may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from blocks.providers.aws.emulator.refusals import AwsError

_MOST = 50


def tagged(before: Mapping[str, str], tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the tags of a thing with these added. Raises AwsError where that cannot be."""
    keys = [each["Key"] for each in tags]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise AwsError("ValidationException", f"Duplicate tag keys found: {', '.join(twice)}")
    if system := sorted(key for key in keys if key.lower().startswith("aws:")):
        told = f"Tag keys that begin with aws: are reserved: {', '.join(system)}"
        raise AwsError("ValidationException", told)
    after = {**before, **{each["Key"]: each["Value"] for each in tags}}
    if len(after) > _MOST:
        raise AwsError("ValidationException", f"A resource has {_MOST} tags at most.")
    return after
