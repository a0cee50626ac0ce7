"""Kubernetes online endpoints in Azure's words. Pure: nothing is called here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.ai.ml.entities import (
    KubernetesOnlineDeployment,
    KubernetesOnlineEndpoint,
    ResourceRequirementsSettings,
    ResourceSettings,
    TargetUtilizationScaleSettings,
)

from blocks.cloud.wanted import WantedVariant
from blocks.contracts import Traffic, VariantRequest
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.endpoint_calls import Auth, deployment_settings, endpoint_settings
from blocks.providers.azure.scaling import scales

LOOKS_EVERY = 1  # seconds between two looks of the router at how busy a deployment is


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What of a node a container asks for, as Kubernetes writes it; empty: nothing is asked."""

    cpu: str = ""
    memory: str = ""
    gpu: str = ""


def to_endpoint(
    endpoint: str,
    traffic: Traffic,
    *,
    account: AzureAccount,
    identity: str,
    auth: Auth = "key",
    compute: str,
) -> Any:
    """Return an endpoint on an attached cluster whose traffic is split so."""
    return KubernetesOnlineEndpoint(
        **endpoint_settings(endpoint, traffic, account=account, identity=identity, auth=auth),
        compute=compute,
    )


def to_deployment(
    variant: WantedVariant,
    *,
    account: AzureAccount,
    image: str,
    told: Mapping[str, str],
    share: Share,
    busy: float,
) -> Any:
    """Return the deployment of a variant, whose machine is an instance type of the cluster."""
    return KubernetesOnlineDeployment(
        **deployment_settings(variant, account=account, image=image, told=told),
        instance_count=variant.request.min_replicas,
        scale_settings=_scaled(variant.request, busy),
        resources=_asked(share),
    )


def _scaled(request: VariantRequest, busy: float) -> Any:
    if not scales(request):
        return None
    return TargetUtilizationScaleSettings(
        min_instances=request.min_replicas,
        max_instances=request.max_replicas,
        polling_interval=LOOKS_EVERY,
        target_utilization_percentage=round(busy),
    )


def _asked(share: Share) -> Any:
    """Return the least and the most, the same: who asks for less than it takes is moved about.

    Said also where nothing is asked: the SDK cannot read a deployment that has no such part.
    """
    asked = ResourceSettings(
        cpu=share.cpu or None, memory=share.memory or None, gpu=share.gpu or None
    )
    return ResourceRequirementsSettings(requests=asked, limits=asked)
