"""Serverless endpoints of SageMaker: paid by the request, with memory in place of a machine.

What such an endpoint cannot do, it is not asked:
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html#serverless-endpoints-how-it-works-exclusions
"""

from __future__ import annotations

import re
from typing import Any

from blocks.contracts import InvalidRequest, Unsupported, VariantRequest

MODEL = "BLUEWATER_MODEL"  # URI of a model that the container has to bring itself
MAX_BODY = 4 * 1024 * 1024  # bytes
MOST_AT_ONCE = 200  # requests

_PREFIX = "serverless-"
_MACHINE = re.compile(rf"{_PREFIX}(\d+)")
_SIZES = range(1024, 6145, 1024)  # megabytes of memory


def is_serverless(request: VariantRequest) -> bool:
    """Whether a request names memory, as in ``serverless-2048``, and not a machine."""
    return request.machine.startswith(_PREFIX)


def to_serverless_config(request: VariantRequest) -> dict[str, Any]:
    """Return how large a variant is: an environment of ours answers one request at a time."""
    config = {"MemorySizeInMB": _memory_of(request), "MaxConcurrency": request.max_replicas}
    ready = request.min_replicas
    return {**config, "ProvisionedConcurrency": ready} if ready else config


def require_hosted(request: VariantRequest, *, in_vpc: bool, queued: bool) -> None:
    """Raise, with the remedy, what a variant could never be on the machine that it names."""
    if not is_serverless(request):
        if request.min_replicas == 0 and not queued:
            raise Unsupported(
                f"a variant on {request.machine} keeps a machine; set min_replicas=1, take "
                "serverless-2048 for the machine, or let requests wait in a queue",
                code="SCALE_TO_ZERO",
            )
        return
    _memory_of(request)
    if request.max_replicas > MOST_AT_ONCE:
        raise InvalidRequest(
            f"max_replicas is {request.max_replicas}, and a serverless endpoint answers "
            f"{MOST_AT_ONCE} requests at a time at most",
            code="MAX_REPLICAS",
        )
    if request.capture.sample:
        raise Unsupported(
            "a serverless endpoint sleeps between requests and captures none; set capture.sample=0",
            code="CAPTURE",
        )
    if request.serving.max_payload_bytes > MAX_BODY:
        raise Unsupported(
            f"payloads of serverless endpoints end at {MAX_BODY} bytes", code="MAX_PAYLOAD"
        )
    if in_vpc:
        raise Unsupported(
            "a serverless endpoint is in no VPC; leave out subnets, or name a machine", code="VPC"
        )


def _memory_of(request: VariantRequest) -> int:
    match = _MACHINE.fullmatch(request.machine)
    if match is None or int(match[1]) not in _SIZES:
        sizes = ", ".join(f"{_PREFIX}{size}" for size in _SIZES)
        raise InvalidRequest(
            f"machine {request.machine!r}: serverless endpoints have {sizes}", code="MACHINE"
        )
    return int(match[1])
