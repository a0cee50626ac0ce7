"""Endpoints in Vertex AI's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint

from blocks.cloud.serving import CAPTURE_EVERY, CAPTURES, Settings
from blocks.cloud.wanted import WantedVariant
from blocks.contracts import InvalidRequest, Traffic, Unsupported, Variant, VariantRequest
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.inside import PROJECT
from blocks.providers.gcp.machines import to_machine_spec
from blocks.providers.gcp.model_calls import HEALTH, PREDICT
from blocks.providers.gcp.private_endpoints import Private
from blocks.providers.gcp.surroundings import encryption
from blocks.providers.gcp.variables import require_values, to_env
from blocks.providers.gcp.wanted import deployed_id

PATIENCE = timedelta(minutes=10)  # that a dedicated endpoint waits for an answer
MOST = 10_000_000  # bytes of a request to a dedicated endpoint
KIND = "served"  # of a model that is made for a variant
MOVE_LABEL = "bluewater-move"  # of an endpoint: a new word for each move of its traffic
COMMAND = ("python", "-m", "blocks.providers.gcp.serve")
METRICS = "aiplatform.googleapis.com/prediction/online"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def require_servable(request: VariantRequest) -> None:
    """Raise InvalidRequest or Unsupported for what Vertex AI would never serve."""
    require_values(request.env)
    if not _NAME.fullmatch(request.endpoint):
        raise InvalidRequest(f"endpoint {request.endpoint!r} ends with a dash", code="NAME")
    if request.serving.timeout > PATIENCE:
        raise InvalidRequest(
            f"serving.timeout is {request.serving.timeout}, and Vertex AI waits no longer than "
            f"{PATIENCE}; ask for less, or score in batches",
            code="TIMEOUT",
        )
    if request.serving.token_secret:
        raise Unsupported(
            "callers of Vertex AI are told by IAM, and a container sees no token of theirs; grant "
            "aiplatform.endpoints.predict, and set serving.token_secret=None",
            code="TOKEN",
        )
    if request.serving.requests_per_second is not None:
        raise Unsupported(
            "Vertex AI tells a container nothing of its callers; limit requests_per_second before "
            "it, and leave it out here",
            code="RATE",
        )
    if not request.model.uri.startswith("gs://"):
        raise InvalidRequest(
            f"model: {request.model.uri} is not in Cloud Storage; register it", code="MODEL"
        )


def require_loggable(log_to: str) -> None:
    """Raise InvalidRequest for a place to which Vertex AI logs no requests."""
    if log_to and not log_to.startswith("bq://"):
        raise InvalidRequest(
            f"log_requests_to: {log_to!r} is no table of BigQuery, where alone Vertex AI logs "
            "requests; name bq://PROJECT.DATASET.TABLE. In Cloud Storage they are kept by "
            "rollout.capture",
            code="LOG",
        )


def to_endpoint(
    name: str, *, account: GcpAccount, log_to: str = "", private: Private | None = None
) -> dict[str, Any]:
    """Return an endpoint with an address of its own, and nothing deployed yet.

    ``log_to`` is the ``bq://`` URI under which Vertex AI logs every request and response. Where it
    is ``private``, the address is no public one.
    """
    endpoint: dict[str, Any] = {
        "display_name": name,
        "labels": account.marked(),
        "client_connection_config": {"inference_timeout": PATIENCE},
    }
    if private is None:
        endpoint["dedicated_endpoint_enabled"] = True
    else:
        endpoint["private_service_connect_config"] = private.to_config(account)
    if log_to:
        endpoint["predict_request_response_logging_config"] = {
            "enabled": True,
            "sampling_rate": 1.0,
            "bigquery_destination": {"output_uri": log_to},
        }
    return {**endpoint, **encryption(account)}


def to_served_model(
    variant: WantedVariant, *, account: GcpAccount, image: str, capture_every: float
) -> dict[str, Any]:
    """Return the model by which a variant is served: Vertex AI has environments there alone."""
    request = variant.request
    env = {
        **request.env,
        **Settings.of(request, variant.token).to_environment(),
        CAPTURES: f"{account.root}/captures" if request.capture.sample else "",
        CAPTURE_EVERY: str(capture_every),
        PROJECT: account.project_id,
        "BLUEWATER_GCP_KMS_KEY": account.kms_key,
    }
    model = {
        "display_name": f"{request.endpoint}/{request.variant}",
        "artifact_uri": request.model.uri.rstrip("/"),
        "labels": account.marked(token=variant.token, kind=KIND),
        "container_spec": {
            "image_uri": image,
            "command": list(COMMAND),
            "env": to_env(env),
            "predict_route": PREDICT,
            "health_route": HEALTH,
        },
    }
    return {**model, **encryption(account)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """On what a variant is served, and by what it grows and shrinks between its bounds."""

    cpu_percent: int = 60  # of all processors of a replica
    requests_a_minute: int | None = None  # of a replica
    spot: bool = False


def to_deployed_model(
    variant: WantedVariant, *, model: str, account: GcpAccount, given: Resources
) -> dict[str, Any]:
    """Return the deployment of a variant's model."""
    request = variant.request
    resources: dict[str, Any] = {
        "machine_spec": to_machine_spec(request.machine),
        "min_replica_count": request.min_replicas,
        "max_replica_count": request.max_replicas,
    }
    if given.spot:
        resources["spot"] = True
    if request.max_replicas > request.min_replicas:
        resources["autoscaling_metric_specs"] = _metrics(given)
    deployed: dict[str, Any] = {
        "id": deployed_id(variant),
        "model": model,
        "display_name": request.variant,
        "dedicated_resources": resources,
    }
    if account.service_account:
        deployed["service_account"] = account.service_account
    return deployed


def _metrics(given: Resources) -> list[dict[str, Any]]:
    metrics = [{"metric_name": f"{METRICS}/cpu/utilization", "target": given.cpu_percent}]
    if given.requests_a_minute is not None:
        count = {"metric_name": f"{METRICS}/request_count", "target": given.requests_a_minute}
        metrics.append(count)
    return metrics


def served_id(variant: WantedVariant) -> str:
    """Return what is put behind the owner's mark to name a variant's model."""
    return f"s-{variant.token[:40]}"


def deployed_in(endpoint: Endpoint | None, variant: WantedVariant) -> DeployedModel | None:
    """Return the deployed model of a variant; None while there is none."""
    models = endpoint.deployed_models if endpoint is not None else ()
    return next((each for each in models if each.id == deployed_id(variant)), None)


def from_deployed_model(
    variant: WantedVariant, deployed: DeployedModel | None, *, url: str
) -> Variant:
    """Return how a variant is served."""
    ready = int(deployed.status.available_replica_count) if deployed is not None else 0
    request = variant.request
    return Variant(
        endpoint=request.endpoint,
        name=request.variant,
        model=request.model,
        url=url,
        ready_replicas=ready,
    )


def from_endpoint(endpoint: Endpoint | None) -> Traffic:
    """Return the split in force, by the names of variants."""
    if endpoint is None:
        return Traffic(percent={})
    names = {each.id: each.display_name or each.id for each in endpoint.deployed_models}
    percent = {names.get(key, key): share for key, share in endpoint.traffic_split.items() if share}
    return Traffic(percent=percent, etag=etag_of(endpoint, percent))


def etag_of(endpoint: Endpoint, percent: Mapping[str, int]) -> str:
    """Return what `shift` compares: the last move's word, and the split, whoever set it.

    Vertex AI's own etag moves with every deployment, too. Empty for traffic that was never moved.
    """
    move = endpoint.labels.get(MOVE_LABEL, "")
    if not move and not percent:
        return ""
    split = json.dumps(dict(percent), sort_keys=True)
    return f"{move}.{hashlib.sha256(split.encode()).hexdigest()[:12]}"
