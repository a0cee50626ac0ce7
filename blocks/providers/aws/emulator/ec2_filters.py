"""The filters of DescribeInstances that are emulated."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from blocks.providers.aws.emulator.ec2_instance import Instance
from blocks.providers.aws.emulator.refusals import AwsError


def meets(instance: Instance, wanted: dict[str, Any]) -> bool:
    """Whether an instance has one of a filter's values; ``*`` and ``?`` stand for others."""
    value = _value(instance, wanted["Name"])
    return any(fnmatchcase(value, each) for each in wanted.get("Values", []))


def _value(instance: Instance, name: str) -> str:
    if name.startswith("tag:"):
        return instance.tags.get(name.removeprefix("tag:"), "")
    if name == "client-token":
        return str(instance.asked.get("ClientToken", ""))
    if name == "instance-state-name":
        return instance.state
    raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
