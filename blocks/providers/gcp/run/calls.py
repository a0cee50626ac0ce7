"""Endpoints in Cloud Run's words. Pure: nothing is called here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.cloud.run_v2.types import (
    Condition,
    Revision,
    Service,
    TrafficTarget,
    TrafficTargetAllocationType,
)

from blocks.cloud.serving import CAPTURE_EVERY, CAPTURES, Settings
from blocks.contracts import InvalidRequest, Phase, Unsupported, VariantRequest
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.inside import PROJECT
from blocks.providers.gcp.run.kept import ANNOTATION, Kept, KeptVariant
from blocks.providers.gcp.serve import MODEL
from blocks.providers.gcp.variables import require_values

MOST = 32 * 1024 * 1024  # bytes of a request over HTTP/1
COMMAND = ("python", "-m", "blocks.providers.gcp.serve")

_MACHINE = re.compile(r"run-([1-9]\d*)-([1-9]\d*)(?:-(nvidia-[a-z0-9-]+))?")
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_PATIENCE = timedelta(minutes=60)
_ROOM = timedelta(seconds=60)  # for the start of an instance, before a request is answered
_REVISION = TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
_PHASES = {
    Condition.State.CONDITION_SUCCEEDED: Phase.SUCCEEDED,
    Condition.State.CONDITION_FAILED: Phase.FAILED,
}


def require_servable(request: VariantRequest) -> None:
    """Raise InvalidRequest or Unsupported for what Cloud Run would never serve."""
    require_values(request.env)
    resources_of(request.machine)
    if not _NAME.fullmatch(request.endpoint):
        raise InvalidRequest(f"endpoint {request.endpoint!r} ends with a dash", code="NAME")
    if request.serving.timeout > _PATIENCE - _ROOM:
        raise InvalidRequest(
            f"serving.timeout is {request.serving.timeout}, and Cloud Run waits {_PATIENCE} with "
            "the start of an instance; ask for less, or score in batches",
            code="TIMEOUT",
        )
    if request.serving.token_secret:
        raise Unsupported(
            "callers of Cloud Run are told by IAM; grant run.routes.invoke, and set "
            "serving.token_secret=None",
            code="TOKEN",
        )
    if request.serving.requests_per_second is not None:
        raise Unsupported(
            "an instance sees no more than a share of all requests; limit requests_per_second "
            "before it, and leave it out here",
            code="RATE",
        )
    if not request.model.uri.startswith("gs://"):
        raise InvalidRequest(
            f"model: {request.model.uri} is not in Cloud Storage; register it", code="MODEL"
        )


def resources_of(machine: str) -> tuple[dict[str, str], str]:
    """Return the limits of a machine such as ``run-1-2048``, and its accelerator.

    It is named by processors and megabytes of memory. Raises InvalidRequest, with the remedy.
    """
    match = _MACHINE.fullmatch(machine)
    if match is None:
        raise InvalidRequest(
            f"machine {machine!r}: name processors and megabytes, as in run-1-2048, or "
            "run-4-16384-nvidia-l4 with an accelerator",
            code="MACHINE",
        )
    limits = {"cpu": match[1], "memory": f"{match[2]}Mi"}
    return ({**limits, "nvidia.com/gpu": "1"} if match[3] else limits), match[3] or ""


def to_template(
    variant: KeptVariant,
    service: str,
    *,
    account: GcpAccount,
    image: str,
    most: int,
    capture_every: float,
) -> dict[str, Any]:
    """Return what a revision is like."""
    request = variant.request
    limits, accelerator = resources_of(request.machine)
    # what is kept ready may work between requests, too, and a GPU takes processors that always may
    idle = request.min_replicas == 0 and not accelerator
    container = {
        "name": request.variant,
        "image": image,
        "command": list(COMMAND),
        "env": _env(variant, account, capture_every),
        "resources": {"limits": limits, "cpu_idle": idle, "startup_cpu_boost": True},
        "ports": [{"container_port": 8080}],
    }
    scaling = {"min_instance_count": request.min_replicas, "max_instance_count": most}
    template: dict[str, Any] = {
        "revision": variant.revision(service),
        "labels": account.marked(variant=request.variant),
        "scaling": scaling,
        "timeout": request.serving.timeout + _ROOM,
        "service_account": account.service_account,
        "containers": [container],
    }
    if account.kms_key:
        template["encryption_key"] = account.kms_key
    if accelerator:
        template["node_selector"] = {"accelerator": accelerator}
        template["gpu_zonal_redundancy_disabled"] = True  # half the price, and quota of its own
    return template


def to_service(kept: Kept, shares: Mapping[str, int], service: str) -> dict[str, Any]:
    """Return the part of a service that says who gets its requests, and what is kept of it."""
    traffic = [
        TrafficTarget(
            type_=_REVISION,
            revision=each.revision(service),
            percent=shares.get(name, 0),
            tag=each.tag,
        )
        for name, each in kept.variants.items()
    ]
    return {"annotations": {ANNOTATION: kept.model_dump_json()}, "traffic": traffic}


def shares_of(kept: Kept, service: Service) -> dict[str, int]:
    """Return what Cloud Run splits now, by the names of variants."""
    names = {each.tag: name for name, each in kept.variants.items()}
    return {names[each.tag]: each.percent for each in service.traffic if each.tag in names}


def phase_of(revision: Revision | None) -> tuple[Phase, str]:
    """Return how a revision is doing, and why it never will be ready."""
    if revision is None:
        return Phase.QUEUED, ""
    ready = next((each for each in revision.conditions if each.type_ == "Ready"), None)
    if ready is None:
        return Phase.RUNNING, ""
    return _PHASES.get(ready.state, Phase.RUNNING), str(ready.message)


def address_of(service: Service, tag: str) -> str:
    """Return the URL of a service, or of what a tag names; empty where it has none yet."""
    if not tag:
        return str(service.uri)
    return next((str(each.uri) for each in service.traffic_statuses if each.tag == tag), "")


def _env(variant: KeptVariant, account: GcpAccount, capture_every: float) -> list[dict[str, str]]:
    request = variant.request
    told = {
        **request.env,
        **Settings.of(request, variant.token).to_environment(),
        MODEL: request.model.uri,
        PROJECT: account.project_id,
        CAPTURES: f"{account.root}/captures",
        CAPTURE_EVERY: str(capture_every),
        **({"BLUEWATER_GCP_KMS_KEY": account.kms_key} if account.kms_key else {}),
    }
    return [{"name": name, "value": value} for name, value in told.items()]
