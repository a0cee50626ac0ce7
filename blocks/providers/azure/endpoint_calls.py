"""Endpoints in Azure's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from azure.ai.ml.entities import (
    Environment,
    IdentityConfiguration,
    ManagedIdentityConfiguration,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    OnlineRequestSettings,
    ProbeSettings,
)

from blocks.cloud.serving import CAPTURE_EVERY, CAPTURES, Settings
from blocks.cloud.wanted import WantedVariant
from blocks.contracts import (
    InvalidRequest,
    Mirror,
    Traffic,
    Unsupported,
    Variant,
    VariantRequest,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.inside import CLIENT, COLLECTED, STORAGE, TICKS, TICKS_EVERY, WANTED
from blocks.providers.azure.model_calls import asset_in_registry
from blocks.providers.azure.objects import SCHEME

PATIENCE = timedelta(seconds=180)  # that a managed online endpoint waits for an answer
MOST = 1_500_000  # bytes of a request and of an answer; more is answered with 413
MIRROR_AT_MOST = 50  # percent
ENDPOINT_TAG = "bluewater-endpoint"  # of an endpoint: its name with us
MOVE_TAG = "bluewater-move"  # of an endpoint: which move of its traffic was made last
VARIANT_TAG = "bluewater-variant"
PORT = 8080
READY = frozenset({"Succeeded", "Scaling", "Updating"})  # of a deployment that answers
BUSY = frozenset({"Creating", "Updating", "Scaling", "Deleting"})
Auth = Literal["key", "token"]
_AUTH: Mapping[Auth, str] = {"key": "key", "token": "aml_token"}
_LONGEST, _SHORTEST = 32, 3  # characters of a name
_SHORT = "-variant"  # is put behind shorter ones; the SDK makes capitals small


def require_servable(request: VariantRequest) -> None:
    """Raise InvalidRequest or Unsupported for what Azure would never serve."""
    for field, name in (("endpoint", request.endpoint), ("variant", request.variant)):
        if name.endswith("-") or "--" in name:
            raise InvalidRequest(f"{field} {name!r}: use single dashes, inside it", code="NAME")
    if request.variant.endswith(_SHORT):
        raise InvalidRequest(
            f"variant {request.variant!r}: no name may end in {_SHORT!r} here", code="NAME"
        )
    if request.serving.timeout > PATIENCE:
        raise InvalidRequest(
            f"serving.timeout is {request.serving.timeout}, and Azure waits no longer than "
            f"{PATIENCE}; ask for less, or score in batches",
            code="TIMEOUT",
        )
    if request.serving.token_secret:
        raise Unsupported(
            "callers of an online endpoint bring its key or a token of it; give them that, and "
            "set serving.token_secret=None",
            code="TOKEN",
        )
    if request.serving.requests_per_second is not None:
        raise Unsupported(
            "Azure tells a container nothing of its callers; limit requests_per_second before it, "
            "and leave it out here",
            code="RATE",
        )
    if not request.model.uri.startswith(f"{SCHEME}://"):
        raise InvalidRequest(
            f"model: {request.model.uri} is not in Blob storage; register it", code="MODEL"
        )


def endpoint_name(account: AzureAccount, endpoint: str) -> str:
    """Return what an endpoint is called in Azure, where names are unique in a whole region."""
    whole = f"{endpoint_mark(account)}{endpoint}"
    if len(whole) <= _LONGEST:
        return whole
    digest = hashlib.sha256(endpoint.encode()).hexdigest()[:6]
    return f"{whole[: _LONGEST - 7].rstrip('-')}-{digest}"


def endpoint_mark(account: AzureAccount) -> str:
    """Return what the names of an owner's endpoints begin with, and those of no other owner."""
    place = (account.subscription, account.resource_group, account.workspace, account.owner)
    return f"bw-{hashlib.sha256('/'.join(place).encode()).hexdigest()[:8]}-"


def deployment_name(variant: str) -> str:
    """Return what the deployment of a variant is called."""
    return variant if len(variant) >= _SHORTEST else f"{variant}{_SHORT}"


def variant_name(deployment: str) -> str:
    """Return the variant of a deployment."""
    return deployment.removesuffix(_SHORT)


def to_endpoint(
    endpoint: str,
    traffic: Traffic,
    *,
    account: AzureAccount,
    identity: str,
    auth: Auth = "key",
    public: bool,
) -> Any:
    """Return an endpoint whose traffic is split so; all else of it is always the same."""
    return ManagedOnlineEndpoint(
        **endpoint_settings(endpoint, traffic, account=account, identity=identity, auth=auth),
        mirror_traffic=_mirrored(traffic.mirror),
        public_network_access="enabled" if public and not account.demands.private else "disabled",
    )


def endpoint_settings(
    endpoint: str, traffic: Traffic, *, account: AzureAccount, identity: str, auth: Auth
) -> dict[str, Any]:
    """Return what an endpoint is told, of whichever kind it is."""
    return {
        "name": endpoint_name(account, endpoint),
        "auth_mode": _AUTH[auth],
        "tags": {**account.tags(endpoint=endpoint), MOVE_TAG: traffic.etag},
        "identity": identity_of(identity),
        "traffic": {deployment_name(name): share for name, share in traffic.percent.items()},
    }


def to_deployment(
    variant: WantedVariant, *, account: AzureAccount, image: str, told: Mapping[str, str]
) -> Any:
    """Return the deployment of a variant; ``told`` is what only the block knows."""
    return ManagedOnlineDeployment(
        **deployment_settings(variant, account=account, image=image, told=told),
        instance_count=variant.request.min_replicas,
    )


def deployment_settings(
    variant: WantedVariant, *, account: AzureAccount, image: str, told: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a deployment is told, of whichever kind it is."""
    request = variant.request
    probe = {"period": 5, "timeout": 2, "success_threshold": 1}
    return {
        "name": deployment_name(request.variant),
        "endpoint_name": endpoint_name(account, request.endpoint),
        "tags": {**account.tags(token=variant.token), VARIANT_TAG: request.variant},
        "model": asset_in_registry(request.model),
        "environment": to_environment(image),
        "environment_variables": {
            **request.env,
            **Settings.of(request, variant.token).to_environment(),
            **told,
            STORAGE: account.endpoint_of_storage("{account}"),
            WANTED: f"{account.root}/endpoints",
            TICKS: f"{account.root}/ticks",
            CAPTURES: f"{account.root}/captures" if request.capture.sample else "",
        },
        "instance_type": request.machine,
        "request_settings": OnlineRequestSettings(
            max_concurrent_requests_per_instance=request.serving.concurrency,
            request_timeout_ms=int(request.serving.timeout.total_seconds() * 1000),
        ),
        "liveness_probe": ProbeSettings(initial_delay=10, failure_threshold=30, **probe),
        "readiness_probe": ProbeSettings(initial_delay=5, failure_threshold=120, **probe),
    }


def to_environment(image: str) -> Any:
    """Return an image with our server in it, and which of its routes is for what."""
    if image.startswith("azureml:"):
        return image
    routes = {"liveness": "/live", "readiness": "/ready", "scoring": "/invocations"}
    return Environment(
        image=image,
        inference_config={
            f"{kind}_route": {"path": path, "port": PORT} for kind, path in routes.items()
        },
    )


def told_of(
    *, capture_every: float, ticks_every: float, identity_client: str, collected: str
) -> dict[str, str]:
    """Return what the containers of a block's endpoints are told besides."""
    return {
        **({COLLECTED: collected} if collected else {}),
        CAPTURE_EVERY: str(capture_every),
        TICKS_EVERY: str(ticks_every),
        **({CLIENT: identity_client} if identity_client else {}),
    }


def from_endpoint(endpoint: Any) -> Traffic:
    """Return the split that Azure tells, by the names of variants, and which move it was."""
    percent = {variant_name(key): share for key, share in endpoint.traffic.items() if share}
    copies = [(key, share) for key, share in (endpoint.mirror_traffic or {}).items() if share]
    mirror = Mirror(variant=variant_name(copies[0][0]), percent=copies[0][1]) if copies else None
    return Traffic(percent=percent, mirror=mirror, etag=(endpoint.tags or {}).get(MOVE_TAG) or "")


def from_deployment(variant: WantedVariant, deployment: Any, *, url: str) -> Variant:
    """Return how a variant is served."""
    answers = deployment is not None and deployment.provisioning_state in READY
    return Variant(
        endpoint=variant.request.endpoint,
        name=variant.request.variant,
        model=variant.request.model,
        url=url,
        ready_replicas=int(deployment.instance_count or 0) if answers else 0,
    )


def identity_of(resource: str) -> Any:
    """Return who machines sign in as: an identity by its resource id, or their own."""
    if not resource:
        return IdentityConfiguration(type="system_assigned")
    one = ManagedIdentityConfiguration(resource_id=resource)
    return IdentityConfiguration(type="user_assigned", user_assigned_identities=[one])


def _mirrored(mirror: Mirror | None) -> dict[str, int]:
    return {deployment_name(mirror.variant): mirror.percent} if mirror else {}
