"""A registry: where it is found, and its models, which all workspaces share.

Its calls go to the front end of its region, which the SDK asks for first. A version's files are
sent to a place that the registry gives for this very version, by a signed link, and a version is
made of what lies there, and of nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from blocks.providers.azure.emulator.changes import Changes
from blocks.providers.azure.emulator.jobs import page
from blocks.providers.azure.emulator.launch import (
    LOCATION,
    REGISTRY,
    REGISTRY_GROUP,
    STORAGE,
    SUBSCRIPTION,
    TENANT,
)
from blocks.providers.azure.emulator.models import change, container, require_version, told_of
from blocks.providers.azure.emulator.operations import Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.world import World

_KIND = "Microsoft.MachineLearningServices/registries"
_ASSETS = f"{_KIND}/assets"  # there are no permissions of one kind of them
_GROUP = "/mferp/managementfrontend/subscriptions/{subscription}/resourceGroups/{group}"
_HOME = f"{_GROUP}/providers/{_KIND}/{{registry}}"
_VERSION = "{name}/versions/{version}"
_VERSIONS = Resource(
    group="RegistryModels", path=f"{_HOME}/models/{_VERSION}", model="ModelVersion", kind=_ASSETS
)
_CONTAINERS = Resource(
    group="RegistryModelContainers",
    path=f"{_HOME}/models/{{name}}",
    model="ModelContainer",
    kind=_ASSETS,
)
_PLACES = Resource(
    group="TemporaryDataReferences", path=f"{_HOME}/tempdatarefs/{_VERSION}", kind=_ASSETS
)
_LINKS = Resource(group="DataReferences", path=f"{_HOME}/datarefs/{_VERSION}", kind=_ASSETS)
_ASKED = {"assetId", "temporaryDataReferenceType"}  # what a request for a place says
_TAKES = 0.2  # of the cloud's seconds until a version is made


@dataclass(slots=True, kw_only=True)
class Place:
    """Where the files of a version are sent to."""

    container: str
    url: str


class Registries:
    """Makes, tells and lists the model versions of the one registry."""

    def __init__(self, world: World) -> None:
        self._world, self._changes = world, Changes(world)
        self._versions: dict[str, dict[str, Said]] = {}
        self._places: dict[tuple[str, str], Place] = {}
        world.levers["registry-versions"] = lambda _: sum(map(len, self._versions.values()))

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        found = Route(
            service="ml",
            method="GET",
            path="/registrymanagement/v1.0/registries/{registry}/discovery",
            operation="Registries.GetDiscovery",
            action=f"{_KIND}/read",
            handler=self.discover,
        )
        return (
            found,
            _VERSIONS.put(self.put),
            _VERSIONS.get(self.get),
            _VERSIONS.list(self.list),
            _CONTAINERS.get(self.container),
            _PLACES.put(self.place),
            replace(_LINKS.get(self.link), method="POST"),
        )

    def discover(self, asked: Asked) -> Said:
        """Tell where a registry is, and the address of its region's front end."""
        _require_registry(asked)
        return {
            "registryName": REGISTRY,
            "tenantId": TENANT,
            "primaryRegion": LOCATION,
            "regions": [LOCATION],
            "subscriptionId": SUBSCRIPTION,
            "resourceGroup": REGISTRY_GROUP,
            "primaryRegionResourceProviderUri": f"{self._world.url}/",
        }

    def place(self, asked: Asked) -> Said:
        """Tell the place for the files of a version that is to come: always the same one."""
        _require_here(asked)
        name, version = asked["name"], asked["version"]
        body = asked.body if isinstance(asked.body, dict) else {}
        if set(body) != _ASKED or body["assetId"] != _id(name, version):
            raise AzureError("ValidationError", "assetId is not that of the version asked for.")
        if version in self._versions.get(name, {}):
            raise AzureError("Conflict", f"Asset {name}:{version} already exists.", 409)
        if (name, version) not in self._places:
            made = f"registry-{uuid.uuid4()}"
            self._world.blobs.create(made)
            url = f"{self._world.url}/{STORAGE}/{made}"
            self._places[name, version] = Place(container=made, url=url)
        found = self._places[name, version]
        signed = self._world.identity.signed(found.container, folder=True)
        return _reference(found.url, f"{found.url}?{signed}")

    def link(self, asked: Asked) -> Said:
        """Tell a link by which the files of a version are read."""
        told = self._found(asked)
        place = self._places[asked["name"], asked["version"]]
        if (asked.body or {}).get("blobUri") != told["properties"]["modelUri"]:
            raise AzureError("UserError", "blobUri is not that of the version asked for.")
        signed = self._world.identity.signed(place.container, folder=True)
        return _reference(place.url, f"{place.url}?{signed}")

    def put(self, asked: Asked) -> Told:
        """Begin to make a version of what was sent, or change the words of one at once."""
        _require_here(asked)
        name, version = asked["name"], asked["version"]
        new = dict(asked.body["properties"])
        new.pop("system_metadata", None)  # sent by the SDK, and told by nobody
        old = self._versions.get(name, {}).get(version)
        if old is not None:
            change(old["properties"], new)
            return Told(body=old)
        require_version(name, version, new)
        self._require_sent(name, version, new["modelUri"])
        told: Said = {
            "id": _id(name, version),
            "name": version,
            "type": f"{_KIND}/models/versions",
            "properties": told_of(new),
            "systemData": self._world.made(self._world.clock.now()),
        }
        self._versions.setdefault(name, {})[version] = told
        self._world.assets[told["id"].lower()] = told
        begun = self._changes.begin(lambda: self._world.pause(_TAKES), lambda _: None)
        return Told(body=told, status=201, headers=self._changes.headers(begun))

    def get(self, asked: Asked) -> Said:
        """Tell of a version."""
        return self._found(asked)

    def list(self, asked: Asked) -> Said:
        """List the versions of a model, the newest first, some at a time; none of one not there."""
        _require_here(asked)
        stale = self._world.faults.take("stale-read", "ml:RegistryModels.List", asked["name"])
        found = list(self._versions.get(asked["name"], {}).values())[::-1][stale:]
        if most := asked.request.args.get("$top"):
            return {"value": found[: int(most)]}
        return page(found, asked, self._world.url)

    def container(self, asked: Asked) -> Said:
        """Tell of a model, whatever its versions."""
        _require_here(asked)
        versions = self._versions.get(asked["name"])
        if not versions:
            raise AzureError("NotFound", f"Model {asked['name']} was not found.", 404)
        home, _, _ = _id(asked["name"], "").partition("/versions/")
        return container(self._world, home, versions)

    def _found(self, asked: Asked) -> Said:
        _require_here(asked)
        name, version = asked["name"], asked["version"]
        found = self._versions.get(name, {}).get(version)
        if found is None or self._world.faults.take("stale-read", "ml:RegistryModels.Get", name):
            raise AzureError("NotFound", f"Model {name}:{version} was not found.", 404)
        return found

    def _require_sent(self, name: str, version: str, uri: str) -> None:
        """Raise what a registry says to a path that it did not give, or where nothing lies."""
        place = self._places.get((name, version))
        inside = f"{place.url}/" if place else ""
        if place is None or not uri.startswith(inside):
            told = f"{uri} is not in the storage of the registry; ask for a place for it first."
            raise AzureError("UserError", told)
        path = uri.removeprefix(inside).rstrip("/")
        if not self._world.blobs.below(place.container, f"{path}/"):
            raise AzureError("UserError", f"There is nothing at {uri}.")


def _require_registry(asked: Asked) -> None:
    if asked["registry"].lower() != REGISTRY:
        raise AzureError("NotFound", f"There is no registry {asked['registry']}.", 404)


def _require_here(asked: Asked) -> None:
    """Raise what Azure says of a registry that is not in the group, or not in the subscription."""
    _require_registry(asked)
    where = (asked["subscription"], asked["group"])
    if where != (SUBSCRIPTION, REGISTRY_GROUP):
        raise AzureError("ResourceNotFound", f"There is no such registry in {where[1]}.", 404)


def _id(name: str, version: str) -> str:
    return f"azureml://registries/{REGISTRY}/models/{name}/versions/{version}"


def _reference(url: str, link: str) -> Said:
    return {
        "blobReferenceForConsumption": {
            "blobUri": url,
            "storageAccountArmId": f"/subscriptions/{SUBSCRIPTION}/storageAccounts/{REGISTRY}",
            "credential": {"credentialType": "SAS", "sasUri": link},
        }
    }
