"""Endpoints in Databricks' words, and back. Pure: nothing is called here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from databricks.sdk.service.serving import (
    EndpointStateConfigUpdate,
    Route,
    ServedEntityInput,
    ServedEntityOutput,
    ServedModelStateDeployment,
    ServingEndpointDetailed,
    ServingModelWorkloadType,
    TrafficConfig,
)

from blocks.cloud.serving import CAPTURE_EVERY, CAPTURES, Settings
from blocks.contracts import InvalidRequest, Traffic, Unsupported, Variant, VariantRequest
from blocks.providers.databricks.gateway import calls_per_minute
from blocks.providers.databricks.served import TICKS, TICKS_EVERY
from blocks.providers.databricks.wanted import Wanted, WantedVariant

PATIENCE = timedelta(seconds=297)  # that Databricks waits for an answer
MOST = 16 * 1024 * 1024  # bytes of a request
CONCURRENCY = 4  # units of provisioned concurrency that are one copy of a model
PROVISIONED = "provisioned_concurrent_requests_total"  # of an entity, in an endpoint's metrics
MACHINES = tuple(each.value for each in ServingModelWorkloadType)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_OURS = ("DATABRICKS_", "BLUEWATER_")  # how the variables begin that we set ourselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every container of ours is told of where it is."""

    captures: str  # URI of the folder for captured requests
    ticks: str  # URI of the folder for counts
    capture_every: float
    ticks_every: float
    identity: Mapping[str, str]  # variables by which it may write there


def require_servable(request: VariantRequest) -> None:
    """Raise InvalidRequest or Unsupported for what Databricks would never serve."""
    if not _NAME.fullmatch(request.endpoint):
        raise InvalidRequest(f"endpoint {request.endpoint!r} ends with a dash", code="NAME")
    if request.machine not in MACHINES:
        raise InvalidRequest(
            f"machine {request.machine!r} is no workload type; take {', '.join(MACHINES)}",
            code="MACHINE",
        )
    if taken := [name for name in request.env if name.startswith(_OURS)]:
        raise InvalidRequest(f"env: {taken[0]} is set by the endpoint itself", code="ENV")
    serving = request.serving
    if serving.timeout > PATIENCE:
        raise InvalidRequest(
            f"serving.timeout is {serving.timeout}, and Databricks waits no longer than "
            f"{PATIENCE}; ask for less, or score in batches",
            code="TIMEOUT",
        )
    if serving.token_secret:
        raise Unsupported(
            "callers of Databricks are told by their own tokens, and a model sees none; grant "
            "CAN_QUERY on the endpoint, and set serving.token_secret=None",
            code="TOKEN",
        )
    calls_per_minute(serving.requests_per_second)


def to_served_entity(
    variant: WantedVariant, *, model: str, surroundings: Surroundings
) -> ServedEntityInput:
    """Return what Databricks serves for a variant; ``model`` is the full name in Unity Catalog."""
    request = variant.request
    settings = Settings.of(request, variant.token)
    env = {
        **request.env,
        **settings.to_environment(),
        CAPTURES: surroundings.captures if request.capture.sample and not variant.table else "",
        CAPTURE_EVERY: str(surroundings.capture_every),
        TICKS: surroundings.ticks,
        TICKS_EVERY: str(surroundings.ticks_every),
        **surroundings.identity,
    }
    return ServedEntityInput(
        name=request.variant,
        entity_name=model,
        entity_version=variant.version,
        environment_vars=env,
        workload_type=ServingModelWorkloadType(request.machine),
        min_provisioned_concurrency=CONCURRENCY * max(request.min_replicas, 1),
        max_provisioned_concurrency=CONCURRENCY * request.max_replicas,
        scale_to_zero_enabled=request.min_replicas == 0,
    )


def again(there: ServedEntityOutput) -> ServedEntityInput:
    """Return what keeps an entity as it is: a configuration is put as a whole."""
    return ServedEntityInput(
        name=there.name,
        entity_name=there.entity_name,
        entity_version=there.entity_version,
        environment_vars=there.environment_vars,
        external_model=there.external_model,
        instance_profile_arn=there.instance_profile_arn,
        max_provisioned_concurrency=there.max_provisioned_concurrency,
        min_provisioned_concurrency=there.min_provisioned_concurrency,
        scale_to_zero_enabled=there.scale_to_zero_enabled,
        workload_size=there.workload_size,
        workload_type=there.workload_type,
    )


def to_routes(percent: Mapping[str, int]) -> TrafficConfig:
    """Return a split of the traffic."""
    routes = [
        Route(served_model_name=name, traffic_percentage=share)
        for name, share in sorted(percent.items())
        if share
    ]
    return TrafficConfig(routes=routes)


def entities(endpoint: ServingEndpointDetailed | None) -> Sequence[ServedEntityOutput]:
    """Return what the configuration in force serves."""
    config = endpoint.config if endpoint is not None else None
    return list((config.served_entities if config is not None else None) or ())


def pending(endpoint: ServingEndpointDetailed) -> Sequence[ServedEntityOutput]:
    """Return what the update serves that goes on, or that failed last."""
    config = endpoint.pending_config
    return list((config.served_entities if config is not None else None) or ())


def is_of(there: ServedEntityOutput, variant: WantedVariant) -> bool:
    """Whether an entity is what serves a variant."""
    return (there.name, there.entity_version) == (variant.request.variant, variant.version)


def served_in(
    endpoint: ServingEndpointDetailed | None, variant: WantedVariant
) -> ServedEntityOutput | None:
    """Return what serves a variant; None while nothing in force does."""
    return next((each for each in entities(endpoint) if is_of(each, variant)), None)


def is_ready(there: ServedEntityOutput | None) -> bool:
    """Whether an entity can be asked."""
    ready = ServedModelStateDeployment.DEPLOYMENT_READY
    return there is not None and there.state is not None and there.state.deployment is ready


def is_failed(there: ServedEntityOutput) -> bool:
    """Whether an entity will never be ready, so that the update that brings it fails."""
    over = (
        ServedModelStateDeployment.DEPLOYMENT_FAILED,
        ServedModelStateDeployment.DEPLOYMENT_ABORTED,
    )
    return there.state is not None and there.state.deployment in over


def is_updating(endpoint: ServingEndpointDetailed) -> bool:
    """Whether an update goes on, so that no other is taken."""
    return _update_of(endpoint) is EndpointStateConfigUpdate.IN_PROGRESS


def has_failed(endpoint: ServingEndpointDetailed) -> bool:
    """Whether the last update came to nothing."""
    over = (EndpointStateConfigUpdate.UPDATE_FAILED, EndpointStateConfigUpdate.UPDATE_CANCELED)
    return _update_of(endpoint) in over


def split_of(endpoint: ServingEndpointDetailed | None) -> Mapping[str, int]:
    """Return whose the traffic is in Databricks."""
    return shares_of(endpoint.config if endpoint is not None else None)


def shares_of(config: Any) -> Mapping[str, int]:
    """Return whose the traffic is in a configuration of any kind; nobody's without one."""
    traffic = config.traffic_config if config is not None else None
    found = {
        each.served_entity_name or each.served_model_name or "": each.traffic_percentage
        for each in (traffic.routes if traffic is not None else None) or ()
    }
    return {name: share for name, share in found.items() if share}


def to_traffic(wanted: Wanted | None, endpoint: ServingEndpointDetailed | None) -> Traffic:
    """Return the split in force.

    All of an endpoint's traffic is always somebody's in Databricks. Before the first move it is the
    first variant's, which nobody has asked for: that counts as none.
    """
    percent, move = split_of(endpoint), wanted.move if wanted is not None else None
    if move is None and len(percent) < 2:
        return Traffic(percent={})
    split = hashlib.sha256(json.dumps(dict(percent), sort_keys=True).encode()).hexdigest()[:12]
    return Traffic(percent=percent, etag=f"{move.word if move else ''}.{split}")


def is_scaled(request: VariantRequest) -> bool:
    """Whether Databricks may serve a variant by more copies than the fewest."""
    return request.max_replicas > max(request.min_replicas, 1)


def copies_of(metrics: str, name: str) -> int | None:
    """Return by how many copies an entity is served; None where the metrics do not tell.

    ``metrics`` is what an endpoint exports for Prometheus: gauges of the last minute, each with the
    name of its entity in one of the labels.
    https://docs.databricks.com/aws/en/machine-learning/model-serving/metrics-export-serving-endpoint
    """
    found = [
        float(line.rpartition(" ")[2])
        for line in metrics.splitlines()
        if line.startswith(f"{PROVISIONED}{{") and f'"{name}"' in line
    ]
    return round(sum(found) / CONCURRENCY) if found else None


def from_served_entity(
    variant: WantedVariant, there: ServedEntityOutput | None, *, url: str, copies: int | None = None
) -> Variant:
    """Return how a variant is served: by ``copies`` where they are known, or else by the fewest."""
    request = variant.request
    fewest = max(request.min_replicas, 1)
    ready = max(copies or 0, fewest) if is_ready(there) else 0
    return Variant(
        endpoint=request.endpoint,
        name=request.variant,
        model=request.model,
        url=url,
        ready_replicas=ready,
    )


def _update_of(endpoint: ServingEndpointDetailed) -> Any:
    return endpoint.state.config_update if endpoint.state is not None else None
