"""How much there is of a machine, for the families whose names tell it.

Simpler than the real service, which keeps a part of each machine for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from blocks.providers.aws.emulator.refusals import AwsError

_GIGABYTES = {"c": 2, "m": 4, "r": 8}  # for each processor
_SIZES = {"large": 2, "xlarge": 4}
_NAME = re.compile(r"ml\.([cmr])\d[a-z]*\.(\d*)(large|xlarge)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a machine has, or what a copy of a model needs of one."""

    cpus: float
    memory: float  # megabytes

    def fits(self, other: Size) -> bool:
        """Whether there is room in this for the other."""
        return other.cpus <= self.cpus and other.memory <= self.memory

    def without(self, other: Size) -> Size:
        """Return what is left of this beside the other."""
        return Size(cpus=self.cpus - other.cpus, memory=self.memory - other.memory)


def size_of(machine: str) -> Size:
    """Return what a machine has. Raises AwsError for one whose name does not tell."""
    found = _NAME.fullmatch(machine)
    if found is None:
        told = f"not emulated: inference components on {machine}"
        raise AwsError("UnknownOperationException", told, 501)
    family, times, word = found.groups()
    cpus = _SIZES[word] * int(times or 1)
    return Size(cpus=cpus, memory=1024 * _GIGABYTES[family] * cpus)


def have_room(machines: list[Size], copies: list[Size]) -> bool:
    """Whether all copies find a place, the largest first."""
    left = list(machines)
    for copy in sorted(copies, key=lambda each: (-each.memory, -each.cpus)):
        place = next((n for n, each in enumerate(left) if each.fits(copy)), None)
        if place is None:
            return False
        left[place] = left[place].without(copy)
    return True
