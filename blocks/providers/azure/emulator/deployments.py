"""Deployments of online endpoints: made, scaled, replaced bit by bit, and removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from blocks.providers.azure.emulator.changes import Changes
from blocks.providers.azure.emulator.deployment import Deployment
from blocks.providers.azure.emulator.deployment_rules import check_deployment
from blocks.providers.azure.emulator.jobs import page
from blocks.providers.azure.emulator.online_endpoint import (
    Deployed,
    OnlineEndpoint,
    capacity,
    require_idle,
    require_name,
    tell_deployment,
)
from blocks.providers.azure.emulator.operations import Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.replica import Place
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.world import World

_TAIL = 1000  # lines of a log, if nobody says how many
_SKU = {"name": "Default"}
_MOST = 20  # deployments of an endpoint
_DEPLOYMENTS = Resource(
    group="OnlineDeployments",
    path="onlineEndpoints/{endpoint}/deployments/{name}",
    model="OnlineDeployment",
)


class Deployments:
    """Makes, tells, lists and removes deployments. Each change goes on in a thread of its own."""

    def __init__(
        self, world: World, changes: Changes, endpoints: Callable[[str], OnlineEndpoint]
    ) -> None:
        self._world, self._changes, self._endpoint = world, changes, endpoints
        self._made: list[str] = []
        world.levers["deployments-made"] = lambda _: list(self._made)
        world.levers["kill-replicas"] = self._kill

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _DEPLOYMENTS.put(self.put),
            _DEPLOYMENTS.get(self.get),
            _DEPLOYMENTS.delete(self.delete),
            _DEPLOYMENTS.list(self.list),
            _DEPLOYMENTS.post(
                "getLogs", self.logs, model="DeploymentLogsRequest", answers="DeploymentLogs"
            ),
        )

    def put(self, asked: Asked) -> Told:
        """Begin to make a deployment, or to change one."""
        endpoint, name, body = self._endpoint(asked["endpoint"]), asked["name"], asked.body
        require_name("deployment", name)
        check_deployment(body, on_kubernetes=bool(endpoint.compute))
        require_idle(endpoint)
        old = endpoint.deployments.get(name)
        if old is not None:
            require_idle(old)
            return self._change(endpoint, old, body)
        if len(endpoint.deployments) >= _MOST:
            raise AzureError("OutOfQuota", f"An endpoint has {_MOST} deployments at most.")
        new = Deployed(name=name, body=body, created=self._world.clock.now())
        endpoint.deployments[name] = new
        self._made.append(f"{endpoint.name}/{name}")
        return self._begin(endpoint, new, "Creating", self._bring_up(endpoint, new), 201)

    def get(self, asked: Asked) -> Said:
        """Tell of a deployment."""
        endpoint, deployed = self._known(asked)
        return tell_deployment(self._world, self._changes, endpoint, deployed)

    def list(self, asked: Asked) -> Said:
        """List the deployments of an endpoint, some at a time."""
        endpoint = self._endpoint(asked["endpoint"])
        found = [] if self._is_stale(endpoint) else list(endpoint.deployments.values())
        told = [tell_deployment(self._world, self._changes, endpoint, each) for each in found]
        return page(told, asked, self._world.url)

    def delete(self, asked: Asked) -> Told:
        """Begin to remove a deployment that has no traffic."""
        endpoint = self._endpoint(asked["endpoint"])
        found = endpoint.deployments.get(asked["name"])
        if found is None:
            return Told(status=204)
        require_idle(endpoint)
        require_idle(found)
        if endpoint.traffic.get(found.name) or endpoint.mirror.get(found.name):
            told = f"Deployment {found.name} has traffic; set it to 0 before you delete it."
            raise AzureError("BadRequest", told)
        found.state, running = "Deleting", found.running

        def work() -> None:
            if running:
                running.take_down()

        def done(_: AzureError | None) -> None:
            endpoint.deployments.pop(found.name, None)
            self._world.metrics.forget(endpoint.name, found.name)

        change = found.change = self._changes.begin(work, done)
        return Told(status=202, headers=self._changes.leaving(change))

    def logs(self, asked: Asked) -> Said:
        """Tell the end of what the containers of a deployment said."""
        deployed = self._known(asked)[1]
        tail = int((asked.body or {}).get("tail") or _TAIL)
        return {"content": deployed.running.log(tail) if deployed.running else ""}

    def resize(self, endpoint: OnlineEndpoint, deployed: Deployed, count: int) -> None:
        """Have so many instances of a deployment. Raises AzureError while something goes on."""
        require_idle(endpoint)
        require_idle(deployed)
        self._change(endpoint, deployed, {**deployed.body, "sku": {**_SKU, "capacity": count}})

    def _begin(
        self,
        endpoint: OnlineEndpoint,
        deployed: Deployed,
        state: str,
        work: Callable[[], None],
        status: int,
    ) -> Told:
        def done(error: AzureError | None) -> None:
            deployed.state = "Failed" if error else "Succeeded"

        deployed.state = state
        change = deployed.change = self._changes.begin(work, done)
        told = tell_deployment(self._world, self._changes, endpoint, deployed)
        return Told(body=told, status=status, headers=self._changes.headers(change))

    def _change(self, endpoint: OnlineEndpoint, old: Deployed, body: Said) -> Told:
        running, before, old.body = old.running, old.body, body
        alike = {**before, "sku": None} == {**body, "sku": None}
        if alike and running is not None and old.state == "Succeeded":
            count = capacity(body)
            return self._begin(endpoint, old, "Scaling", lambda: running.scale(count), 200)
        return self._begin(endpoint, old, "Updating", self._bring_up(endpoint, old), 200)

    def _bring_up(self, endpoint: OnlineEndpoint, deployed: Deployed) -> Callable[[], None]:
        """Return the work of having new instances, and no old ones after that."""
        place = Place(
            endpoint=endpoint.name,
            deployment=deployed.name,
            properties=deployed.body["properties"],
        )
        new = Deployment(self._world, place, capacity(deployed.body))
        old = deployed.running

        def work() -> None:
            deployed.running = deployed.running or new
            new.bring_up()
            deployed.running = new
            if old is not None:
                old.take_down()

        return work

    def _known(self, asked: Asked) -> tuple[OnlineEndpoint, Deployed]:
        endpoint = self._endpoint(asked["endpoint"])
        found = endpoint.deployments.get(asked["name"])
        if found is None or self._is_stale(endpoint):
            told = f"The Resource 'deployments/{asked['name']}' was not found."
            raise AzureError("ResourceNotFound", told, 404)
        return endpoint, found

    def _is_stale(self, endpoint: OnlineEndpoint) -> bool:
        return self._world.faults.take("stale-read", "ml:OnlineDeployments.Get", endpoint.name)

    def _kill(self, said: Said) -> int:
        """Kill the containers of a deployment."""
        deployed = self._endpoint(said["endpoint"]).deployments[said["deployment"]]
        return deployed.running.kill() if deployed.running else 0
