"""Endpoints in SageMaker's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from blocks.cloud.serving import Settings
from blocks.contracts import InvalidRequest, Unsupported, Variant, VariantRequest
from blocks.providers.aws.asynchronous import PATIENCE as QUEUED_PATIENCE
from blocks.providers.aws.asynchronous import to_async_inference_config
from blocks.providers.aws.desired import Desired, DesiredVariant, Recorded, shadow_model
from blocks.providers.aws.serverless import MODEL, is_serverless, to_serverless_config

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
PATIENCE = 60  # seconds that SageMaker waits for an answer; a container has no more
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
_VALUE = 1024  # characters of an environment value


def require_servable(request: VariantRequest, *, isolated: bool, queued: bool = False) -> None:
    """Raise InvalidRequest or Unsupported for what SageMaker would never serve."""
    for field, name in (("endpoint", request.endpoint), ("variant", request.variant)):
        if not NAME.fullmatch(name):
            raise InvalidRequest(f"{field} {name!r} ends with a dash; leave it out", code="NAME")
    patience = QUEUED_PATIENCE if queued else PATIENCE
    if request.serving.timeout.total_seconds() > patience:
        raise InvalidRequest(
            f"serving.timeout is {request.serving.timeout}, and SageMaker waits {patience} s at "
            "most; ask for less, or score in batches",
            code="TIMEOUT",
        )
    if request.serving.requests_per_second is not None:
        raise Unsupported(
            "SageMaker tells a container nothing of its callers; limit requests_per_second before "
            "it, and leave it out here",
            code="RATE",
        )
    if isolated and (request.capture.sample or request.serving.token_secret):
        raise Unsupported(
            "a container without network reaches neither S3 nor Secrets Manager; set "
            "capture.sample=0 and token_secret=None, or network_isolation off",
            code="NETWORK_ISOLATION",
        )
    if not request.model.uri.startswith("s3://"):
        raise InvalidRequest(f"model: {request.model.uri} is not in S3; register it", code="MODEL")


def to_create_model(
    variant: DesiredVariant, *, copies: bool, image: str, told: Mapping[str, str]
) -> dict[str, Any]:
    """Say how the container of a variant is to be run; ``told`` is what only the account knows.

    A variant that serves copies is a model of its own: SageMaker tells a container by nothing else
    that nobody will see its answers.
    """
    request = variant.request
    settings = Settings.of(request, variant.token, copies=copies)
    model, brought = _model(request)
    env = {**request.env, **settings.to_environment(), **told, **brought}
    for name, value in env.items():
        if len(value) > _VALUE:
            raise InvalidRequest(
                f"{name} has {len(value)} characters, and SageMaker takes {_VALUE}", code="ENV"
            )
    return {
        "ModelName": shadow_model(variant) if copies else variant.model,
        "PrimaryContainer": {
            "Image": image,
            **model,
            "Environment": env,
        },
    }


def to_create_endpoint_config(desired: Desired, *, name: str, kms_key: str = "") -> dict[str, Any]:
    """Return the configuration that an endpoint should have now."""
    shadow = desired.shadow()
    served = desired.served()
    call: dict[str, Any] = {
        "EndpointConfigName": name,
        "ProductionVariants": [
            _production(each, each.model, desired.weight(key))
            for key, each in served.items()
            if key != shadow
        ],
    }
    if desired.mirror and shadow:
        # copies are the shadow's weight in relation to that of the live variant
        live = sum(each["InitialVariantWeight"] for each in call["ProductionVariants"])
        weight = live * desired.mirror.percent / 100
        model = shadow_model(served[shadow])
        call["ShadowProductionVariants"] = [_production(served[shadow], model, weight)]
    if desired.asynchronous:
        told = to_async_inference_config(desired.asynchronous, kms_key=kms_key)
        call["AsyncInferenceConfig"] = told
    key = {"KmsKeyId": kms_key} if kms_key else {}
    if desired.recorded:
        call["DataCaptureConfig"] = {**_capture(desired.recorded), **key}
    return {**call, **key}


def to_weights(desired: Desired, endpoint: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the weights that an endpoint in service has to be given; none if all are right."""
    there = {each["VariantName"]: each for each in endpoint.get("ProductionVariants", ())}
    wanted = {name: desired.weight(name) for name in there if name in desired.served()}
    same = all(there[name].get("DesiredWeight") == weight for name, weight in wanted.items())
    if same:
        return []
    return [{"VariantName": name, "DesiredWeight": weight} for name, weight in wanted.items()]


def model_name(request: VariantRequest, token: str) -> str:
    """Return what a variant's model is called, apart from the owner's mark."""
    return f"{request.variant[:14]}-{token[:20]}"


def config_name(endpoint: str, desired: Desired) -> str:
    """Return what the configuration of what is wanted now is called, apart from the mark."""
    return f"{endpoint[:18]}-{desired.structure()}-{desired.revision}"


def holds(config: str, desired: Desired) -> bool:
    """Whether a configuration holds what is wanted, whatever weights it began with."""
    return config.rpartition("-")[0].rpartition("-")[2] == desired.structure()


def moment(value: object) -> str:
    """Return a time that SageMaker told, as something to compare with the next one."""
    return value.isoformat() if isinstance(value, datetime) else str(value or "")


def from_describe_endpoint(
    variant: DesiredVariant, endpoint: Mapping[str, Any] | None, *, url: str
) -> Variant:
    """Return how a variant is served."""
    name, ready = variant.request.variant, 0
    both = ("ProductionVariants", "ShadowProductionVariants")
    for each in (each for kind in both for each in (endpoint or {}).get(kind, ())):
        if each["VariantName"] == name:
            kept = each.get("CurrentServerlessConfig")
            # what sleeps until it is asked is as ready as it gets
            ready = int(each.get("CurrentInstanceCount", 0) if kept is None else _awake(kept))
    return Variant(
        endpoint=variant.request.endpoint,
        name=name,
        model=variant.request.model,
        url=url,
        ready_replicas=ready,
    )


def _awake(serverless: Mapping[str, Any]) -> int:
    return max(1, int(serverless.get("ProvisionedConcurrency") or 0))


def _model(request: VariantRequest) -> tuple[dict[str, Any], dict[str, str]]:
    """Return how a container gets its model: from SageMaker, or by a variable of its own.

    A serverless endpoint takes no model that lies unpacked in S3.
    """
    if is_serverless(request):
        return {}, {MODEL: request.model.uri}
    source = {
        "S3Uri": request.model.uri.rstrip("/") + "/",
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
    }
    return {"ModelDataSource": {"S3DataSource": source}}, {}


def _capture(recorded: Recorded) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": recorded.percent,
        "DestinationS3Uri": recorded.uri,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }


def _production(variant: DesiredVariant, model: str, weight: float) -> dict[str, Any]:
    request = variant.request
    named = {"VariantName": request.variant, "ModelName": model, "InitialVariantWeight": weight}
    if is_serverless(request):
        return {**named, "ServerlessConfig": to_serverless_config(request)}
    return {
        **named,
        "InstanceType": request.machine,
        "InitialInstanceCount": max(1, request.min_replicas),  # one proves that it serves
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
