"""The workspace itself: what it is, where its services are, its environments and datastores."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.providers.azure.emulator.launch import (
    CONTAINER,
    DATASTORE,
    GROUP,
    LOCATION,
    STORAGE,
    SUBSCRIPTION,
    TENANT,
    WORKSPACE,
)
from blocks.providers.azure.emulator.operations import ML, Asked, Route, Said, Told
from blocks.providers.azure.emulator.operations import WORKSPACE as PATH
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.world import World

_ENVIRONMENTS = Resource(
    group="Environments",
    path="environments/{name}/versions/{version}",
    model="EnvironmentVersion",
    kind=f"{ML}/environments",  # there are no permissions of its versions
)
_DATASTORES = Resource(group="Datastores", path="datastores/{name}")


class Workspace:
    """One workspace with one datastore."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._environments: dict[tuple[str, str], Said] = {}
        world.levers["workspace"] = self._become

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            Route(
                service="ml",
                path=PATH.rstrip("/"),
                method="GET",
                operation="Workspaces.Get",
                action=f"{ML}/read",
                handler=self.get,
            ),
            Route(
                service="discovery",
                path="/discovery",
                method="GET",
                operation="Services",
                handler=lambda _: dict.fromkeys(("api", "history"), self._world.url),
            ),
            _ENVIRONMENTS.get(self.environment),
            _ENVIRONMENTS.put(self.make_environment),
            _DATASTORES.get(self.datastore),
        )

    def get(self, asked: Asked) -> Said:
        """Tell of the workspace."""
        if asked["workspace"] != WORKSPACE:
            raise AzureError("ResourceNotFound", f"no workspace {asked['workspace']}", 404)
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
        return {
            "id": self._world.resource("").rstrip("/"),
            "name": WORKSPACE,
            "type": ML,
            "location": LOCATION,
            "kind": "Default",
            "identity": {"type": "SystemAssigned", "principalId": TENANT, "tenantId": TENANT},
            "sku": {"name": "Basic", "tier": "Basic"},
            "properties": {
                "friendlyName": WORKSPACE,
                "workspaceId": TENANT,
                "storageAccount": f"{group}/providers/Microsoft.Storage/storageAccounts/{STORAGE}",
                "discoveryUrl": f"{self._world.url}/discovery",
                "mlFlowTrackingUri": f"azureml://{LOCATION}.api.azureml.ms/mlflow/v1.0",
                "provisioningState": "Succeeded",
                **self._world.workspace,
            },
            "systemData": self._world.made(0.0),
        }

    def _become(self, said: Said) -> None:
        """Have other settings from now on, in Azure's words."""
        self._world.workspace.update(said)

    def environment(self, asked: Asked) -> Said:
        """Tell of an environment's version."""
        found = self._environments.get((asked["name"], asked["version"]))
        if found is None:
            told = f"No environment exists for name: {asked['name']}, version: {asked['version']}"
            raise AzureError("UserError", told, 404)
        return found

    def make_environment(self, asked: Asked) -> Told:
        """Keep an environment's version."""
        name, version = asked["name"], asked["version"]
        told: Said = {
            "id": self._world.resource(f"environments/{name}/versions/{version}"),
            "name": version,
            "type": f"{ML}/environments/versions",
            "properties": {**asked.body["properties"], "provisioningState": "Succeeded"},
            "systemData": self._world.made(self._world.clock.now()),
        }
        old = self._environments.get((name, version))
        self._environments[name, version] = told
        self._world.assets[told["id"].lower()] = told
        return Told(body=told, status=200 if old else 201)

    def datastore(self, asked: Asked) -> Said:
        """Tell of the datastore."""
        if asked["name"] != DATASTORE:
            raise AzureError("UserError", f"no datastore {asked['name']}", 404)
        return {
            "id": self._world.resource(f"datastores/{DATASTORE}"),
            "name": DATASTORE,
            "type": f"{ML}/datastores",
            "properties": {
                "datastoreType": "AzureBlob",
                "accountName": STORAGE,
                "containerName": CONTAINER,
                "endpoint": "core.windows.net",
                "protocol": "https",
                "isDefault": True,
                "credentials": {"credentialsType": "None"},
            },
            "systemData": self._world.made(0.0),
        }
