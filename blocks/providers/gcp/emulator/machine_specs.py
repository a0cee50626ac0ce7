"""The rules for machines: which types there are, and what may be plugged into which.

https://cloud.google.com/vertex-ai/docs/training/configure-compute and
https://cloud.google.com/compute/docs/gpus: a type is known by its series, since sizes are added.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from google.cloud.aiplatform_v1.types import AcceleratorType, MachineSpec

from blocks.providers.gcp.emulator.refusals import invalid

USUAL = "n1-standard-2"  # of a deployed model that names none
_TYPE = re.compile(
    r"(n1|n2|n2d|n4|e2|c2|c2d|c3|c3d|c4|c4a|c4d|m1|m2|m3)-(standard|highmem|highcpu|ultramem|megamem)-\d+"
    r"|(a2|a3|a4)-(high|mega|ultra)gpu-\d+g|a4x-highgpu-4g|g2-standard-\d+|g4-standard-\d+"
    r"|cloud-tpu|ct(5lp-hightpu-[148]t|5p-hightpu-4t|6e-standard-[148]t)|tpu7x-standard-4t"
)
_COUNTS: Mapping[str, frozenset[int]] = {  # that can be plugged into a machine of the N1 series
    "NVIDIA_TESLA_K80": frozenset({1, 2, 4, 8}),
    "NVIDIA_TESLA_P4": frozenset({1, 2, 4}),
    "NVIDIA_TESLA_P100": frozenset({1, 2, 4}),
    "NVIDIA_TESLA_V100": frozenset({1, 2, 4, 8}),
    "NVIDIA_TESLA_T4": frozenset({1, 2, 4}),
}
_BUILT_IN: Mapping[str, tuple[str, ...]] = {  # the only ones that machines of a series have
    "a2": ("NVIDIA_TESLA_A100", "NVIDIA_A100_80GB"),
    "a3": ("NVIDIA_H100_80GB", "NVIDIA_H100_MEGA_80GB", "NVIDIA_H200_141GB"),
    "a4": ("NVIDIA_B200",),
    "a4x": ("NVIDIA_GB200",),
    "g2": ("NVIDIA_L4",),
    "g4": ("NVIDIA_RTX_PRO_6000",),
}
_GPUS = re.compile(r"gpu-(\d+)g$")
_TPU = re.compile(r"(ct|tpu7x|cloud-tpu)")
_CHIPS = re.compile(r"-(\d)t$")
_TOPOLOGY = re.compile(r"\d+x\d+(x\d+)?")


def require_machine(spec: MachineSpec, path: str) -> None:
    """Raise GcpError for a machine that there is not; ``path`` is where the request names it."""
    if not _TYPE.fullmatch(spec.machine_type):
        raise invalid(f"{path}.machine_type {spec.machine_type!r} is not supported.")
    if spec.tpu_topology and not _TOPOLOGY.fullmatch(spec.tpu_topology):
        raise invalid(f"{path}.tpu_topology {spec.tpu_topology!r} is malformed.")
    if spec.tpu_topology and not _TPU.match(spec.machine_type):
        raise invalid(f"{path}.tpu_topology is for TPU machines alone.")
    kind, count = AcceleratorType(spec.accelerator_type), spec.accelerator_count
    if count < 0 or bool(kind) != bool(count):
        raise invalid(f"{path}: accelerator_type and accelerator_count go together.")
    if kind and not _fits(spec.machine_type, kind.name, count):
        raise invalid(
            f"{path}: {count} accelerators of type {kind.name} cannot be attached to "
            f"{spec.machine_type!r}."
        )


def is_pod(spec: MachineSpec) -> bool:
    """Whether a machine is one of several that make up a slice of a TPU Pod."""
    chips = _CHIPS.search(spec.machine_type)
    wanted = math.prod(map(int, spec.tpu_topology.split("x"))) if spec.tpu_topology else 0
    return chips is not None and wanted > int(chips[1])


def _fits(machine: str, accelerator: str, count: int) -> bool:
    series = machine.partition("-")[0]
    if series == "n1":
        return count in _COUNTS.get(accelerator, frozenset())
    if machine == "cloud-tpu":
        return accelerator.startswith("TPU")
    found = _GPUS.search(machine)
    right_count = found is None or count == int(found[1])
    return right_count and accelerator in _BUILT_IN.get(series, ())
