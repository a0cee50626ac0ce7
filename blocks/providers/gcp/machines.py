"""Machines of Vertex AI in one word: a type, and what is plugged into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from google.cloud.aiplatform_v1.types import AcceleratorType, MachineSpec

from blocks.contracts import InvalidRequest

_MACHINE = re.compile(
    r"(?P<type>[a-z0-9]+(-[a-z0-9]+)+)(\+(?P<count>\d+)x(?P<accelerator>[A-Z0-9_]+))?"
    r"(:(?P<topology>\d+(x\d+)+))?"
)


def to_machine_spec(machine: str) -> Mapping[str, Any]:
    """Return what a name such as ``n1-standard-8+2xNVIDIA_TESLA_T4`` means.

    TPUs are named with their topology, as in ``ct5lp-hightpu-4t:2x2``. Raises InvalidRequest.
    """
    found = _read(machine)
    spec: dict[str, Any] = {"machine_type": found["type"]}
    if found["accelerator"]:
        spec["accelerator_type"] = AcceleratorType.__members__[found["accelerator"]]
        spec["accelerator_count"] = int(found["count"])
    if found["topology"]:
        spec["tpu_topology"] = found["topology"]
    return spec


def parts_of(machine: str) -> tuple[str, int, str]:
    """Return a machine's type, and how many of which accelerator are plugged into it."""
    found = _read(machine)
    return found["type"], int(found["count"] or 0), found["accelerator"] or ""


def from_machine_spec(spec: MachineSpec) -> str:
    """Return the name of a machine."""
    name = str(spec.machine_type)
    if spec.accelerator_count:
        name += f"+{spec.accelerator_count}x{AcceleratorType(spec.accelerator_type).name}"
    return f"{name}:{spec.tpu_topology}" if spec.tpu_topology else name


def _read(machine: str) -> re.Match[str]:
    found = _MACHINE.fullmatch(machine)
    if found is None or found["accelerator"] not in (None, *AcceleratorType.__members__):
        raise InvalidRequest(
            f"machine {machine!r} is none of Vertex AI's; name a type, as in n1-standard-4, "
            "n1-standard-8+1xNVIDIA_TESLA_T4 or ct5lp-hightpu-4t:2x2",
            code="MACHINE",
        )
    return found
