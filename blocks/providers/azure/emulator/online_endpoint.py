"""What is known of online endpoints and their deployments, and how Azure tells of them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.providers.azure.emulator.changes import Change, Changes
from blocks.providers.azure.emulator.deployment import Deployment
from blocks.providers.azure.emulator.operations import ML, Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

BUSY = frozenset({"Creating", "Updating", "Scaling", "Deleting"})
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]")
_MIRROR_AT_MOST = 50
KEY, TOKEN = "key", "amltoken"


@dataclass(slots=True, kw_only=True)
class Deployed:
    """A deployment as it was asked for, and what runs of it."""

    name: str
    body: Said
    created: float
    state: str = "Creating"
    change: Change | None = None
    running: Deployment | None = None

    @property
    def per_instance(self) -> int:
        """How many requests an instance is to have in hand."""
        settings = self.body["properties"].get("requestSettings") or {}
        return int(settings.get("maxConcurrentRequestsPerInstance") or 1)

    @property
    def most(self) -> int:
        """How many requests it takes at a time; more are refused."""
        count = self.running.count() if self.running else 0
        return 2 * self.per_instance * count


@dataclass(slots=True, kw_only=True)
class OnlineEndpoint:
    """An endpoint as it was asked for, and the traffic that is in force. Guarded by the lock."""

    name: str
    body: Said
    created: float
    state: str = "Creating"
    change: Change | None = None
    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror: Mapping[str, int] = field(default_factory=dict)
    keys: list[str] = field(default_factory=lambda: [secrets.token_hex(16) for _ in range(2)])
    tokens: dict[str, float] = field(default_factory=dict)  # each with the moment of its end
    deployments: dict[str, Deployed] = field(default_factory=dict)

    @property
    def auth(self) -> str:
        """By what callers are known, in small letters: key, amltoken or aadtoken."""
        return str(self.body["properties"]["authMode"]).lower()

    def admits(self, word: str, now: float) -> bool:
        """Whether a caller who brings a word may ask: one of the keys, or a token that is good."""
        return word in self.keys if self.auth == KEY else now < self.tokens.get(word, 0.0)

    @property
    def compute(self) -> str:
        """The cluster of Kubernetes that it is on; empty: it is managed."""
        return str(self.body["properties"].get("compute") or "")


def require_name(kind: str, name: str) -> None:
    """Raise what Azure says to a name that it does not like."""
    if not _NAME.fullmatch(name):
        raise AzureError("BadArgument", f"The name of {kind} {name!r} is not valid.")


def require_idle(thing: OnlineEndpoint | Deployed) -> None:
    """Raise what Azure says while something goes on."""
    if thing.state in BUSY:
        told = f"Another operation on {thing.name} is in progress: it is {thing.state}."
        raise AzureError("Conflict", told, 409)


def require_traffic(body: Said, there: Mapping[str, Deployed]) -> None:
    """Raise what Azure says to traffic that it does not take."""
    asked = body["properties"]
    traffic, mirror = asked.get("traffic") or {}, asked.get("mirrorTraffic") or {}
    if sum(traffic.values()) not in (0, 100) or any(each < 0 for each in traffic.values()):
        raise AzureError("BadRequest", "Shares are 0 at least, and their sum must be 0 or 100.")
    for name in (*traffic, *mirror):
        if name not in there or there[name].running is None:
            told = f"Deployment {name} does not exist, or cannot take traffic."
            raise AzureError("BadRequest", told)
    if not mirror:
        return
    if asked.get("compute"):
        raise AzureError("BadRequest", "Kubernetes online endpoints mirror no traffic.")
    if len(mirror) > 1 or not 0 <= max(mirror.values()) <= _MIRROR_AT_MOST:
        told = f"Mirror traffic goes to one deployment, and is {_MIRROR_AT_MOST} percent at most."
        raise AzureError("BadRequest", told)
    if any(traffic.get(name) for name in mirror):
        told = "A deployment gets live traffic or mirror traffic, not both."
        raise AzureError("BadRequest", told)


def require_same_keys(body: Said, old: OnlineEndpoint | None) -> None:
    """Raise what Azure says to another way of signing in than an endpoint was made with."""
    wanted = str(body["properties"]["authMode"]).lower()
    if old is not None and old.auth != wanted:
        raise AzureError("BadRequest", "The authMode of an endpoint cannot be changed.")


def tell_endpoint(world: World, changes: Changes, endpoint: OnlineEndpoint) -> Said:
    """Return what Azure tells of an endpoint."""
    name = endpoint.name
    told = _told(world, changes, f"onlineEndpoints/{name}", endpoint)
    told["type"] = f"{ML}/onlineEndpoints"
    told["kind"] = _kind(endpoint)
    told["properties"]["scoringUri"] = f"{world.url}/scoring/{name}/score"
    told["properties"]["swaggerUri"] = f"{world.url}/scoring/{name}/swagger.json"
    told["identity"] = {**_MACHINE, "type": _identity(endpoint.body)}
    return told


def tell_deployment(
    world: World, changes: Changes, endpoint: OnlineEndpoint, deployed: Deployed
) -> Said:
    """Return what Azure tells of a deployment."""
    place = f"onlineEndpoints/{endpoint.name}/deployments/{deployed.name}"
    told = _told(world, changes, place, deployed)
    told["type"] = f"{ML}/onlineEndpoints/deployments"
    told["kind"] = _kind(endpoint)
    told["properties"].setdefault("scaleSettings", {"scaleType": "Default"})
    told["sku"] = {"name": "Default", "capacity": capacity(deployed.body)}
    return told


def capacity(body: Said) -> int:
    """Return how many instances are asked for."""
    return int((body.get("sku") or {}).get("capacity") or 1)


def _kind(endpoint: OnlineEndpoint) -> str:
    return "K8S" if endpoint.compute else "Managed"


_MACHINE = {
    "principalId": "33333333-3333-3333-3333-333333333333",
    "tenantId": "99999999-8888-7777-6666-555555555555",
}


def _identity(body: Said) -> str:
    return str((body.get("identity") or {}).get("type") or "SystemAssigned")


def _told(
    world: World, changes: Changes, place: str, thing: OnlineEndpoint | Deployed
) -> dict[str, Any]:
    asked = {name: value for name, value in thing.body["properties"].items() if value is not None}
    notes = dict(asked.get("properties") or {})
    if thing.change:
        notes["AzureAsyncOperationUri"] = changes.address(thing.change)
    return {
        **thing.body,
        "id": world.resource(place),
        "name": thing.name,
        "properties": {**asked, "properties": notes, "provisioningState": thing.state},
        "systemData": world.made(thing.created),
    }
