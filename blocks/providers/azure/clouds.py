"""Azure's clouds by name, and the addresses of their services; an emulator is one of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

CloudName = Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"]

_PLACES = (
    "azure_portal",
    "resource_manager",
    "active_directory",
    "aml_resource_id",
    "registry_discovery_endpoint",
)
_told = set[str]()  # emulators that the SDK knows of already: it wants to hear of each but once
_TELLING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The domains of one cloud's services."""

    arm: str  # Resource Manager
    storage: str
    authority: str
    vault: str
    ml: str  # of the workspaces' data plane


CLOUDS: dict[CloudName, Cloud] = {
    "AzureCloud": Cloud(
        arm="management.azure.com",
        storage="core.windows.net",
        authority="login.microsoftonline.com",
        vault="vault.azure.net",
        ml="api.azureml.ms",
    ),
    "AzureUSGovernment": Cloud(
        arm="management.usgovcloudapi.net",
        storage="core.usgovcloudapi.net",
        authority="login.microsoftonline.us",
        vault="vault.usgovcloudapi.net",
        ml="api.ml.azure.us",
    ),
    "AzureChinaCloud": Cloud(
        arm="management.chinacloudapi.cn",
        storage="core.chinacloudapi.cn",
        authority="login.chinacloudapi.cn",
        vault="vault.azure.cn",
        ml="api.ml.azure.cn",
    ),
}


def emulated(endpoint: str) -> dict[str, Any]:
    """Return what MLClient is told of an emulator: a cloud whose every service is there."""
    name = f"Emulated-{endpoint.rpartition('/')[2]}"
    with _TELLING:
        if name in _told:
            return {"cloud": name}
        _told.add(name)
    places: dict[str, str] = dict.fromkeys(_PLACES, endpoint)
    places["storage_endpoint"] = endpoint.partition("://")[2]
    return {"cloud": name, "cloud_metadata": places}
