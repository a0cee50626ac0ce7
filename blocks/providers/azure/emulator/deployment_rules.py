"""What Azure says to deployments that its model allows, but its rules do not."""

from __future__ import annotations

import re
from typing import Any

from blocks.providers.azure.emulator.job import seconds
from blocks.providers.azure.emulator.operations import Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.sizes import require_size

_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")  # as Kubernetes writes it
TARGET = "targetutilization"
# Seconds of a request: https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas
_LONGEST, _LONGEST_ON_KUBERNETES = 180, 300


def check_deployment(body: Said, *, on_kubernetes: bool) -> None:
    """Raise AzureError for a deployment that cannot be, on an endpoint of that kind."""
    asked = body["properties"]
    kind = str(asked.get("endpointComputeType")).lower()
    if kind not in ("managed", "kubernetes"):
        raise AzureError("BadArgument", f"There is no endpointComputeType {kind}.")
    if (kind == "kubernetes") != on_kubernetes:
        raise AzureError("BadArgument", "The deployment is of another kind than its endpoint.")
    if not on_kubernetes:
        if not asked.get("instanceType"):
            raise AzureError("BadArgument", "A managed deployment needs an instance type.")
        require_size(asked["instanceType"])
    if (body.get("sku") or {}).get("capacity", 1) < 1:
        raise AzureError("BadArgument", "A deployment has one instance at least.")
    if not asked.get("environmentId"):
        raise AzureError("BadArgument", "A deployment needs an environment.")
    script = (asked.get("codeConfiguration") or {}).get("scoringScript")
    if asked.get("codeConfiguration") and not script:
        raise AzureError("BadArgument", "The code of a deployment needs a scoring script.")
    _check_requests(asked.get("requestSettings") or {}, on_kubernetes=on_kubernetes)
    for name in ("livenessProbe", "readinessProbe"):
        _check_probe(name, asked.get(name) or {})
    _check_scale(asked.get("scaleSettings") or {}, on_kubernetes=on_kubernetes)
    _check_resources(asked.get("containerResourceRequirements") or {})


def _check_requests(asked: Said, *, on_kubernetes: bool) -> None:
    most = _LONGEST_ON_KUBERNETES if on_kubernetes else _LONGEST
    if not 0 < seconds(asked.get("requestTimeout") or "PT5S") <= most:
        raise AzureError("BadArgument", f"requestTimeout is {most} seconds at most.")
    if int(asked.get("maxConcurrentRequestsPerInstance") or 1) < 1:
        raise AzureError("BadArgument", "maxConcurrentRequestsPerInstance is 1 at least.")


def _check_probe(name: str, asked: Said) -> None:
    counts = [asked.get(each) for each in ("failureThreshold", "successThreshold")]
    times = [asked.get(each) for each in ("period", "timeout")]
    low = [each for each in counts if each is not None and each < 1]
    short = [each for each in times if each is not None and seconds(each) < 1]
    if low or short:
        raise AzureError("BadArgument", f"{name}: every number is 1 at least.")


def _check_scale(asked: Said, *, on_kubernetes: bool) -> None:
    if str(asked.get("scaleType", "")).lower() != TARGET:
        return
    if not on_kubernetes:
        told = "A managed deployment is scaled by Azure Monitor; its scale type is Default."
        raise AzureError("BadArgument", told)
    least, most = int(asked.get("minInstances") or 1), int(asked.get("maxInstances") or 1)
    share = int(asked.get("targetUtilizationPercentage") or 70)
    if not 1 <= least <= most or not 1 <= share <= 100:
        raise AzureError("BadArgument", "The bounds or the utilization make no sense.")
    if seconds(asked.get("pollingInterval") or "PT1S") < 1:
        raise AzureError("BadArgument", "pollingInterval is a second at least.")


def _check_resources(asked: dict[str, Any]) -> None:
    for part in asked.values():
        for name, quantity in (part or {}).items():
            if quantity is not None and not _QUANTITY.fullmatch(str(quantity)):
                raise AzureError("BadArgument", f"{name} {quantity!r} is no quantity.")
