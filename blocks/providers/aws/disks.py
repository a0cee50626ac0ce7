"""Disks of machines: those inside a machine are encrypted by it, and take no key of ours.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html refuses a key for
such machines; https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/InstanceStorage.html lists them.
"""

from __future__ import annotations

import re

_FAMILY = re.compile(r"ml\.([a-z]+\d+)([a-z-]*)\.")
_INSIDE = frozenset({"g5", "g6", "gr6", "p5", "trn1", "trn2", "i3", "i4", "i7"})


def has_own_disk(machine: str) -> bool:
    """Whether a machine's disk is inside: a d after the generation says so, or the family."""
    found = _FAMILY.match(machine)
    if found is None:
        return False
    family, options = found.groups()
    return "d" in options or (family in _INSIDE and "g" not in options)


def volume_key(machine: str, key: str) -> dict[str, str]:
    """Return the key for a machine's disk, as SageMaker takes it; nothing where it takes none."""
    return {} if not key or has_own_disk(machine) else {"VolumeKmsKeyId": key}
