"""Batch endpoints: made, changed and removed, with the deployments below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.providers.azure.emulator.batch_rules import MOST, check_deployment, check_endpoint
from blocks.providers.azure.emulator.changes import Change, Changes
from blocks.providers.azure.emulator.jobs import page
from blocks.providers.azure.emulator.online_endpoint import BUSY, require_name
from blocks.providers.azure.emulator.operations import ML, Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.world import World

_ENDPOINTS = Resource(group="BatchEndpoints", path="batchEndpoints/{name}", model="BatchEndpoint")
_DEPLOYMENTS = Resource(
    group="BatchDeployments",
    path="batchEndpoints/{endpoint}/deployments/{name}",
    model="BatchDeployment",
)
_TAKES = 0.2  # of the cloud's seconds that a change takes
DEFAULTS: Said = {  # of a deployment that does not say
    "errorThreshold": -1,
    "miniBatchSize": 10,
    "maxConcurrencyPerInstance": 1,
    "outputAction": "AppendRow",
    "outputFileName": "predictions.csv",
    "loggingLevel": "Info",
}


@dataclass(slots=True, kw_only=True)
class Made:
    """An endpoint or a deployment as it was asked for. Guarded by the world's lock."""

    name: str
    body: Said
    created: float
    state: str = "Creating"
    change: Change | None = None
    deployments: dict[str, Made] = field(default_factory=dict)  # of an endpoint

    @property
    def default(self) -> str:
        """Which deployment is asked where nobody names one."""
        found = self.body["properties"].get("defaults") or {}
        return str(found.get("deploymentName") or "")


class BatchEndpoints:
    """The batch endpoints of the workspace; nothing runs for them until they are asked."""

    def __init__(self, world: World) -> None:
        self._world, self._changes = world, Changes(world)
        self.endpoints: dict[str, Made] = {}

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _ENDPOINTS.put(self.put),
            _ENDPOINTS.get(lambda asked: self._told(self.known(asked["name"]))),
            _ENDPOINTS.delete(self.delete),
            _ENDPOINTS.list(lambda asked: self._listed(self.endpoints, asked)),
            _DEPLOYMENTS.put(self.deploy),
            _DEPLOYMENTS.get(self.deployment),
            _DEPLOYMENTS.delete(self.undeploy),
            _DEPLOYMENTS.list(self.deployments),
        )

    def known(self, name: str) -> Made:
        """Return an endpoint. Raises AzureError without one."""
        found = self.endpoints.get(name.lower())
        stale = self._world.faults.take("stale-read", "ml:BatchEndpoints.Get", name)
        if found is None or stale:
            raise _missing(f"batchEndpoints/{name}")
        return found

    def put(self, asked: Asked) -> Told:
        """Begin to make an endpoint, or to change one."""
        name, old = asked["name"], self.endpoints.get(asked["name"].lower())
        require_name("endpoint", name)
        if old is not None:
            _require_idle(old)
        check_endpoint(asked.body, {n: d.state for n, d in old.deployments.items()} if old else {})
        return self._begin(self.endpoints, name.lower(), name, asked.body)

    def delete(self, asked: Asked) -> Told:
        """Begin to remove an endpoint with all its deployments."""
        found = self.endpoints.get(asked["name"].lower())
        for each in (found, *found.deployments.values()) if found else ():
            _require_idle(each)
        return self._leave(self.endpoints, asked["name"].lower())

    def deploy(self, asked: Asked) -> Told:
        """Begin to make a deployment, or to change one."""
        endpoint, name = self.known(asked["endpoint"]), asked["name"]
        require_name("deployment", name)
        _require_idle(endpoint)
        check_deployment(self._world, asked.body)
        old = endpoint.deployments.get(name)
        if old is not None:
            _require_idle(old)
        elif len(endpoint.deployments) >= MOST:
            raise AzureError("OutOfQuota", f"An endpoint has {MOST} deployments at most.")
        given = {k: v for k, v in asked.body["properties"].items() if v is not None}
        body = {**asked.body, "properties": {**DEFAULTS, **given}}
        return self._begin(endpoint.deployments, name, name, body, below=endpoint.name)

    def deployment(self, asked: Asked) -> Said:
        """Tell of a deployment."""
        endpoint = self.known(asked["endpoint"])
        found = endpoint.deployments.get(asked["name"])
        stale = self._world.faults.take("stale-read", "ml:BatchDeployments.Get", endpoint.name)
        if found is None or stale:
            raise _missing(f"deployments/{asked['name']}")
        return self._told(found, below=endpoint.name)

    def deployments(self, asked: Asked) -> Said:
        """List the deployments of an endpoint, some at a time."""
        endpoint = self.known(asked["endpoint"])
        return self._listed(endpoint.deployments, asked, below=endpoint.name)

    def undeploy(self, asked: Asked) -> Told:
        """Begin to remove a deployment that is not the default."""
        endpoint = self.known(asked["endpoint"])
        _require_idle(endpoint)
        if found := endpoint.deployments.get(asked["name"]):
            _require_idle(found)
        if endpoint.default == asked["name"]:
            raise AzureError("BadRequest", f"{asked['name']} is the endpoint's default.")
        return self._leave(endpoint.deployments, asked["name"])

    def _begin(
        self, among: dict[str, Made], key: str, name: str, body: Said, *, below: str = ""
    ) -> Told:
        old, now = among.get(key), self._world.clock.now()
        made = old or Made(name=name, body=body, created=now)
        made.body, made.state = body, "Updating" if old else "Creating"
        among[key] = made

        def done(error: AzureError | None) -> None:
            made.state = "Failed" if error else "Succeeded"

        made.change = change = self._changes.begin(self._making(name), done)
        told = self._told(made, below=below)
        return Told(body=told, status=200 if old else 201, headers=self._changes.headers(change))

    def _making(self, name: str) -> Callable[[], None]:
        def work() -> None:
            self._world.pause(_TAKES)
            if self._world.faults.take("image-build-failure", "*", name):
                raise AzureError("ImageBuildFailure", "The environment's image was not built.")

        return work

    def _leave(self, among: dict[str, Made], key: str) -> Told:
        found = among.get(key)
        if found is None:
            return Told(status=204)
        found.state = "Deleting"

        def done(_: AzureError | None) -> None:
            among.pop(key, None)

        change = found.change = self._changes.begin(lambda: self._world.pause(_TAKES), done)
        return Told(status=202, headers=self._changes.leaving(change))

    def _listed(self, among: dict[str, Made], asked: Asked, *, below: str = "") -> Said:
        told = [self._told(each, below=below) for each in among.values()]
        return page(told, asked, self._world.url)

    def _told(self, made: Made, *, below: str = "") -> Said:
        place = f"batchEndpoints/{below or made.name}"
        asked = {k: v for k, v in made.body["properties"].items() if v is not None}
        notes = dict(asked.get("properties") or {})
        if made.change:
            notes["AzureAsyncOperationUri"] = self._changes.address(made.change)
        told: dict[str, Any] = {**asked, "properties": notes, "provisioningState": made.state}
        if below:
            place = f"{place}/deployments/{made.name}"
        else:
            told["scoringUri"] = f"{self._world.url}/batch/{made.name}/jobs"
        kind = f"{ML}/batchEndpoints{'/deployments' if below else ''}"
        return {
            **made.body,
            "id": self._world.resource(place),
            "name": made.name,
            "type": kind,
            "properties": told,
            "systemData": self._world.made(made.created),
        }


def _require_idle(made: Made) -> None:
    if made.state in BUSY:
        told = f"Another operation on {made.name} is in progress: it is {made.state}."
        raise AzureError("Conflict", told, 409)


def _missing(what: str) -> AzureError:
    return AzureError("ResourceNotFound", f"The Resource '{what}' was not found.", 404)
