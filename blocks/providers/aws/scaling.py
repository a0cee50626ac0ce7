"""How many machines a variant has, between its bounds: Application Auto Scaling decides.

It follows the requests that a machine has in hand, as CloudWatch counts them every ten seconds;
a variant knows by ``serving.concurrency`` how many it takes at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import VariantRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.desired import Desired
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.serverless import is_serverless

POLICY = "bluewater-requests-in-hand"
METRIC = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
BUSY_SHARE = 0.7  # of what a machine takes at a time, so that there is room until another comes
SHRINK_AFTER = 300  # seconds
GROW_AFTER = 60  # seconds: about what a new machine takes to be ready
_GONE = "ObjectNotFoundException"


def scales(request: VariantRequest) -> bool:
    """Whether a variant has bounds, and not one size."""
    return request.max_replicas > request.min_replicas and not is_serverless(request)


def wanted(desired: Desired) -> Mapping[str, str]:
    """Return the token of each variant that is to be scaled, by its name; copies are not."""
    return {
        name: each.token
        for name, each in desired.served().items()
        if scales(each.request) and name != desired.shadow()
    }


def missing(desired: Desired) -> Mapping[str, str]:
    """Return those that are not scaled yet."""
    known = desired.scaled
    return {name: token for name, token in wanted(desired).items() if known.get(name) != token}


def leaving(desired: Desired) -> Mapping[str, str]:
    """Return those that are scaled and must not be any more before the endpoint changes."""
    now = wanted(desired)
    return {name: token for name, token in desired.scaled.items() if now.get(name) != token}


def scaled(desired: Desired, new: Mapping[str, str]) -> Desired:
    """Return what is wanted, with these noted as scaled. It is the same revision still."""
    return desired.model_copy(update={"scaled": {**desired.scaled, **new}})


def unscaled(desired: Desired, old: Mapping[str, str]) -> Desired:
    """Return what is wanted, with these noted as scaled no longer."""
    left = {key: each for key, each in desired.scaled.items() if old.get(key) != each}
    return desired.model_copy(update={"scaled": left})


def to_register_scalable_target(endpoint: str, request: VariantRequest) -> dict[str, Any]:
    """Say between which bounds a variant is scaled."""
    return {
        **place_of(endpoint, request.variant),
        "MinCapacity": request.min_replicas,
        "MaxCapacity": request.max_replicas,
    }


def to_put_scaling_policy(endpoint: str, request: VariantRequest) -> dict[str, Any]:
    """Say by what a variant is scaled."""
    return {
        **place_of(endpoint, request.variant),
        "PolicyName": POLICY,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": max(1.0, round(BUSY_SHARE * request.serving.concurrency, 1)),
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
            "ScaleInCooldown": SHRINK_AFTER,
            "ScaleOutCooldown": GROW_AFTER,
        },
    }


def place_of(endpoint: str, variant: str) -> dict[str, str]:
    """Return what is scaled of a variant, in the words of Application Auto Scaling."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


class Scaling:
    """Lets variants be scaled, and not any more."""

    def __init__(self, account: AwsAccount) -> None:
        self._scaling = account.client("application-autoscaling")

    def bound(self, endpoint: str, request: VariantRequest) -> None:
        """Give a variant that is in service its bounds. May be repeated."""
        self._scaling.register_scalable_target(**to_register_scalable_target(endpoint, request))

    def follow_requests(self, endpoint: str, request: VariantRequest) -> None:
        """Let the size of a variant with bounds follow what it has in hand. May be repeated."""
        self._scaling.put_scaling_policy(**to_put_scaling_policy(endpoint, request))

    def end(self, endpoint: str, variant: str) -> None:
        """Scale a variant no longer; SageMaker would not let it go. Gone is fine."""
        try:
            self._scaling.deregister_scalable_target(**place_of(endpoint, variant))
        except ClientError as error:
            if code_of(error) != _GONE:
                raise
