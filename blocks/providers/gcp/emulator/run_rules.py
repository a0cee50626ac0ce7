"""What Cloud Run asks of a revision beyond what its messages say.

https://cloud.google.com/run/docs/configuring/services/cpu has the memory that goes with processors,
https://cloud.google.com/run/docs/configuring/services/gpu what an accelerator takes.
"""

from __future__ import annotations

import re

import grpc
from google.cloud.run_v2.types import Container, RevisionTemplate

from blocks.providers.gcp.emulator.references import require_account, require_labels
from blocks.providers.gcp.emulator.refusals import GcpError, invalid

_USUAL = ("1", "512Mi")
_MEMORY = {1: (0.125, 4), 2: (0.125, 8), 4: (2, 16), 6: (4, 24), 8: (4, 32)}  # GiB, by processors
_SIZE = re.compile(r"(\d+)(Mi|Gi)")
_GPU = "nvidia.com/gpu"
_GPUS = {"nvidia-l4": (4, 16), "nvidia-rtx-pro-6000": (20, 80)}  # least processors, and GiB
_LONGEST = 3600  # seconds of a request
_MOST_AT_ONCE = 1000


def require_template(template: RevisionTemplate) -> None:
    """Raise GcpError for a template that no revision can be made of."""
    require_labels(template.labels)
    require_account(template.service_account)
    if len(template.containers) != 1:
        raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "one container for a revision is emulated")
    [container] = template.containers
    if not container.image:
        raise invalid("template.containers[0].image is required.")
    _require_limits(container, template)
    scaling = template.scaling
    if min(scaling.min_instance_count, scaling.max_instance_count) < 0:
        raise invalid("Counts of instances must not be negative.")
    if scaling.max_instance_count and scaling.min_instance_count > scaling.max_instance_count:
        raise invalid("min_instance_count must not be greater than max_instance_count.")
    if "timeout" in template and not 0 < template.timeout.total_seconds() <= _LONGEST:
        raise invalid(f"timeout must be from 1 to {_LONGEST} seconds.")
    if not 0 <= template.max_instance_request_concurrency <= _MOST_AT_ONCE:
        raise invalid(f"max_instance_request_concurrency must be at most {_MOST_AT_ONCE}.")


def _require_limits(container: Container, template: RevisionTemplate) -> None:
    limits = container.resources.limits
    if unknown := set(limits) - {"cpu", "memory", _GPU}:
        raise invalid(f"Unsupported resource limits: {', '.join(sorted(unknown))}")
    cpu, memory = limits.get("cpu", _USUAL[0]), limits.get("memory", _USUAL[1])
    size, accelerator = _SIZE.fullmatch(memory), template.node_selector.accelerator
    if not cpu.isdecimal() or size is None:
        raise invalid(f"Invalid resource limits: {cpu} processors and {memory} of memory.")
    gibibytes = int(size[1]) / (1024 if size[2] == "Mi" else 1)
    if bool(accelerator) != (_GPU in limits):
        raise invalid(f"The limit {_GPU} and node_selector.accelerator go together.")
    if accelerator:
        _require_gpu(container, accelerator, int(cpu), gibibytes)
    if accelerator in ("", "nvidia-l4"):
        least, most = _MEMORY.get(int(cpu), (1, 0))
        if not least <= gibibytes <= most:
            raise invalid(f"{cpu} processors do not go with {memory} of memory.")


def _require_gpu(container: Container, accelerator: str, processors: int, gibibytes: float) -> None:
    if accelerator not in _GPUS or container.resources.limits[_GPU] != "1":
        raise invalid(f"No instance has {container.resources.limits[_GPU]} of {accelerator!r}.")
    least_processors, least_memory = _GPUS[accelerator]
    if processors < least_processors or gibibytes < least_memory:
        raise invalid(
            f"{accelerator} takes {least_processors} processors and {least_memory} GiB at least."
        )
    if container.resources.cpu_idle:
        raise invalid("A GPU takes processors that are always allocated (cpu_idle=false).")
