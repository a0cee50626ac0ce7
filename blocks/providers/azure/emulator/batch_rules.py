"""What Azure says to batch endpoints, deployments and invocations that its rules do not allow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from blocks.providers.azure.emulator.computes import compute_type
from blocks.providers.azure.emulator.job import seconds
from blocks.providers.azure.emulator.launch import DATASTORE
from blocks.providers.azure.emulator.operations import Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

MOST = 20  # deployments of an endpoint
_LEAST: Mapping[str, int] = {
    "miniBatchSize": 1,
    "maxConcurrencyPerInstance": 1,
    "errorThreshold": -1,
}
# What an invocation may say; there is no model of it in the SDK, which writes it word by word.
_SAYS = frozenset({"inputData", "outputData", "name", "properties"})
_FOLDER, _FILE = "UriFolder", "UriFile"
_PLACE = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/workspaces/[^/]+/)?"
    r"datastores/([^/]+)/paths/.+",
    re.IGNORECASE,
)


def check_endpoint(body: Said, deployments: Mapping[str, str]) -> None:
    """Raise AzureError for an endpoint that cannot be; of ``deployments`` their states are told."""
    asked = body["properties"]
    if str(asked.get("authMode")).lower() != "aadtoken":
        raise AzureError("BadArgument", "The authMode of a batch endpoint is AADToken.")
    default = (asked.get("defaults") or {}).get("deploymentName")
    if default and deployments.get(default) != "Succeeded":
        raise AzureError("BadArgument", f"There is no deployment {default} that could be default.")


def check_deployment(world: World, body: Said) -> None:
    """Raise AzureError for a deployment that cannot be."""
    asked = body["properties"]
    if asked.get("deploymentConfiguration"):
        raise AzureError("NotImplemented", "emulated are deployments of models", 501)
    if not asked.get("codeConfiguration"):
        raise AzureError("NotImplemented", "emulated are deployments with a scoring script", 501)
    if not asked["codeConfiguration"].get("scoringScript"):
        raise AzureError("BadArgument", "The code of a deployment needs a scoring script.")
    for what, name in (
        ("model", (asked.get("model") or {}).get("assetId")),
        ("environment", asked.get("environmentId")),
        ("code", asked["codeConfiguration"].get("codeId")),
    ):
        if str(name).lower() not in world.assets:
            raise AzureError("BadArgument", f"The {what} {name} was not found.")
    for name, least in _LEAST.items():
        if asked.get(name) is not None and asked[name] < least:
            raise AzureError("BadArgument", f"{name} is {least} at least.")
    retry = asked.get("retrySettings") or {}
    if (retry.get("maxRetries") or 0) < 0 or seconds(retry.get("timeout") or "PT30S") < 1:
        raise AzureError("BadArgument", "retrySettings: the bounds make no sense.")
    _check_compute(world, asked)


def _check_compute(world: World, asked: Said) -> None:
    name = str(asked.get("compute") or "").rpartition("/")[2]
    cluster = world.clusters.get(name)
    if cluster is None or compute_type(cluster.asked) != "amlcompute":
        raise AzureError("BadArgument", f"The compute {name!r} is no cluster of the workspace.")
    if cluster.state != "Succeeded":
        raise AzureError("ResourceNotReady", f"Compute {name} is not ready.", 409)
    scale = cluster.asked["properties"]["properties"]["scaleSettings"]
    count = (asked.get("resources") or {}).get("instanceCount") or 1
    if not 1 <= count <= scale["maxNodeCount"]:
        raise AzureError("BadArgument", f"Compute {name} has {scale['maxNodeCount']} nodes.")


def check_invocation(body: Any) -> None:
    """Raise AzureError for an invocation of a model deployment that cannot be."""
    asked = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(asked, dict) or not set(asked) <= _SAYS:
        raise AzureError("ValidationError", f"An invocation says {', '.join(sorted(_SAYS))}.")
    inputs, outputs = asked.get("inputData") or {}, asked.get("outputData") or {}
    if len(inputs) != 1 or set(outputs) - {"score"}:
        raise AzureError("ValidationError", "A model takes one input, and its output is score.")
    [data] = inputs.values()
    if data.get("jobInputType") not in (_FOLDER, _FILE):
        raise AzureError("ValidationError", "The input of a model is a file or a folder.")
    for each in outputs.values():
        if each.get("jobOutputType") != _FOLDER:
            raise AzureError("ValidationError", "The output of a model is a folder.")
    for each in (data, *outputs.values()):
        found = _PLACE.fullmatch(str(each.get("uri") or ""))
        if found is None or found[1] != DATASTORE:
            raise AzureError("ValidationError", f"{each.get('uri')} is no path of a datastore.")
