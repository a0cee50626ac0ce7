"""What Azure says to deployments that its model allows, but its rules do not."""

from __future__ import annotations

import re
from typing import Any

from blocks.providers.azure.emulator.job import seconds
from blocks.providers.azure.emulator.operations import Said
from blocks.providers.azure.emulator.refusals import AzureError

_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")  # as Kubernetes writes it
TARGET = "targetutilization"


def check_deployment(body: Said, *, on_kubernetes: bool) -> None:
    """Raise AzureError for a deployment that cannot be, on an endpoint of that kind."""
    asked = body["properties"]
    kind = str(asked.get("endpointComputeType")).lower()
    if kind not in ("managed", "kubernetes"):
        raise AzureError("BadArgument", f"There is no endpointComputeType {kind}.")
    if (kind == "kubernetes") != on_kubernetes:
        raise AzureError("BadArgument", "The deployment is of another kind than its endpoint.")
    if not on_kubernetes and not asked.get("instanceType"):
        raise AzureError("BadArgument", "A managed deployment needs an instance type.")
    if not asked.get("environmentId"):
        raise AzureError("BadArgument", "A deployment needs an environment.")
    script = (asked.get("codeConfiguration") or {}).get("scoringScript")
    if asked.get("codeConfiguration") and not script:
        raise AzureError("BadArgument", "The code of a deployment needs a scoring script.")
    _check_scale(asked.get("scaleSettings") or {}, on_kubernetes=on_kubernetes)
    _check_resources(asked.get("containerResourceRequirements") or {})


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
