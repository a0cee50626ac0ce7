"""The least that Azure has to allow: to whoever runs flows, and to the identity that jobs run as.

Held against the calls of an emulated subscription, both ways. Names of actions follow the rule of
Resource Manager: the type of the thing, and ``read``, ``write``, ``delete`` or the word of a POST.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_ML = "Microsoft.MachineLearningServices/workspaces"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_INSIGHTS = "Microsoft.Insights"
_SECRETS = "Microsoft.KeyVault/vaults/secrets"

CALLER = (
    f"{_INSIGHTS}/autoscaleSettings/delete",
    f"{_INSIGHTS}/autoscaleSettings/read",
    f"{_INSIGHTS}/autoscaleSettings/write",
    f"{_INSIGHTS}/metrics/read",
    f"{_ML}/batchEndpoints/read",
    f"{_ML}/computes/delete",
    f"{_ML}/computes/read",
    f"{_ML}/computes/write",
    f"{_ML}/environments/write",
    f"{_ML}/experiments/read",
    f"{_ML}/experiments/runs/read",
    f"{_ML}/jobs/cancel/action",
    f"{_ML}/jobs/read",
    f"{_ML}/jobs/write",
    f"{_ML}/models/versions/read",
    f"{_ML}/models/versions/write",
    f"{_ML}/onlineEndpoints/delete",
    f"{_ML}/onlineEndpoints/deployments/delete",
    f"{_ML}/onlineEndpoints/deployments/getLogs/action",
    f"{_ML}/onlineEndpoints/deployments/read",
    f"{_ML}/onlineEndpoints/deployments/write",
    f"{_ML}/onlineEndpoints/listKeys/action",
    f"{_ML}/onlineEndpoints/read",
    f"{_ML}/onlineEndpoints/write",
    f"{_ML}/read",
    f"{_ML}/schedules/delete",
    f"{_ML}/schedules/read",
    f"{_ML}/schedules/write",
)
# For data sets that are scored by Azure's own batch endpoints.
BATCH_ENDPOINTS = (
    f"{_ML}/batchEndpoints/delete",
    f"{_ML}/batchEndpoints/deployments/delete",
    f"{_ML}/batchEndpoints/deployments/read",
    f"{_ML}/batchEndpoints/deployments/write",
    f"{_ML}/batchEndpoints/jobs/write",
    f"{_ML}/batchEndpoints/write",
    f"{_ML}/codes/versions/read",
    f"{_ML}/codes/versions/write",
    f"{_ML}/datastores/read",
)
# For models in a registry, which is in a resource group of its own.
_REGISTRY = "Microsoft.MachineLearningServices/registries"
REGISTRY = (
    f"{_REGISTRY}/assets/read",
    f"{_REGISTRY}/assets/write",
    f"{_REGISTRY}/read",
)
TOKENS = (f"{_ML}/onlineEndpoints/token/action",)  # for endpoints whose callers bring tokens
CALLER_DATA = (
    f"{_BLOBS}/delete",
    f"{_BLOBS}/read",
    f"{_BLOBS}/write",
    f"{_SECRETS}/getSecret/action",
)
# The workspace's own identity mounts and downloads; this is what our containers call themselves.
JOBS_DATA = (
    f"{_BLOBS}/read",
    f"{_BLOBS}/write",
    f"{_SECRETS}/getSecret/action",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The resource group that the roles are for."""

    subscription: str
    group: str

    @property
    def scope(self) -> str:
        """Where the roles can be given."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"


def caller_role(
    place: Place, *, tokens: bool = False, batch_endpoints: bool = False
) -> dict[str, Any]:
    """Return the role of whoever runs flows, with what some of the blocks take besides."""
    actions = (*CALLER, *(TOKENS if tokens else ()), *(BATCH_ENDPOINTS if batch_endpoints else ()))
    return _role("bluewater caller", "Runs bluewater's flows.", actions, CALLER_DATA, place)


def registry_role(place: Place) -> dict[str, Any]:
    """Return what whoever runs flows needs besides, in the resource group of a registry."""
    return _role("bluewater registry", "Registers models for all workspaces.", REGISTRY, (), place)


def jobs_role(place: Place) -> dict[str, Any]:
    """Return the role of the identity that jobs run as."""
    return _role("bluewater jobs", "What bluewater's containers do.", (), JOBS_DATA, place)


def _role(
    name: str, description: str, actions: Iterable[str], data: Iterable[str], place: Place
) -> dict[str, Any]:
    return {
        "Name": name,
        "IsCustom": True,
        "Description": description,
        "Actions": sorted(actions),
        "NotActions": [],
        "DataActions": sorted(data),
        "NotDataActions": [],
        "AssignableScopes": [place.scope],
    }
