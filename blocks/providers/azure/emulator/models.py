"""Models of the workspace: versions whose path never changes, by numbers that callers choose."""

from __future__ import annotations

import re
from collections.abc import Sequence

from blocks.providers.azure.emulator.jobs import page
from blocks.providers.azure.emulator.operations import ML, Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.world import World

_VERSIONS = Resource(group="Models", path="models/{name}/versions/{version}", model="ModelVersion")
_CONTAINERS = Resource(group="ModelContainers", path="models/{name}", model="ModelContainer")
_NAME = re.compile(r"[a-zA-Z0-9][\w.-]{0,254}", re.ASCII)
_CHANGING = ("description", "tags", "properties", "isArchived", "stage")


class Models:
    """Makes, tells and lists model versions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._versions: dict[str, dict[str, Said]] = {}
        world.levers["versions"] = lambda _: sum(len(each) for each in self._versions.values())

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _VERSIONS.put(self.create),
            _VERSIONS.get(self.get),
            _VERSIONS.list(self.list),
            _CONTAINERS.get(self.container),
        )

    def create(self, asked: Asked) -> Told:
        """Make a version, or change the words of one."""
        name, version = asked["name"], asked["version"]
        old = self._versions.get(name, {}).get(version)
        new = asked.body["properties"]
        if old is not None:
            change(old["properties"], new)
            return Told(body=old)
        require_version(name, version, new)
        told: Said = {
            "id": self._world.resource(f"models/{name}/versions/{version}"),
            "name": version,
            "type": f"{ML}/models/versions",
            "properties": told_of(new),
            "systemData": self._world.made(self._world.clock.now()),
        }
        self._versions.setdefault(name, {})[version] = told
        self._world.assets[told["id"].lower()] = told
        return Told(body=told, status=201)

    def get(self, asked: Asked) -> Said:
        """Tell of a version."""
        name, version = asked["name"], asked["version"]
        found = self._versions.get(name, {}).get(version)
        if found is None or self._world.faults.take("stale-read", "ml:Models.Get", name):
            told = f"Model {name}:{version} was not found."
            raise AzureError("ModelNotFound", told, 404)
        return found

    def list(self, asked: Asked) -> Said:
        """List the versions of a model, the newest first, some at a time."""
        stale = self._world.faults.take("stale-read", "ml:Models.List", asked["name"])
        found = list(self._of(asked["name"]).values())[::-1][stale:]
        return page(found, asked, self._world.url)

    def container(self, asked: Asked) -> Said:
        """Tell of a model, whatever its versions."""
        name = asked["name"]
        return container(self._world, self._world.resource(f"models/{name}"), self._of(name))

    def _of(self, name: str) -> dict[str, Said]:
        if name not in self._versions:
            raise AzureError("ModelNotFound", f"Model {name} was not found.", 404)
        return self._versions[name]


def require_version(name: str, version: str, asked: Said) -> None:
    """Raise what Azure says to a version that cannot be."""
    for what in (name, version):
        if not _NAME.fullmatch(what):
            raise AzureError("ValidationError", f"{what} is no name or version of a model.")
    if not asked.get("modelUri"):
        raise AzureError("ValidationError", "A model needs a path.")


def told_of(asked: Said) -> Said:
    """Return the properties of a version as they are told."""
    return {"flavors": {}, **{name: value for name, value in asked.items() if value is not None}}


def change(old: Said, new: Said) -> None:
    """Change the words of a version. Raises AzureError where its path would be another."""
    fixed = [name for name in ("modelUri", "modelType") if new.get(name) != old.get(name)]
    if fixed:
        raise AzureError(
            "UserError",
            "The asset path of a model version cannot be changed; use another version.",
            409,
        )
    old.update({name: new[name] for name in _CHANGING if new.get(name) is not None})


def container(world: World, home: str, versions: dict[str, Said]) -> Said:
    """Return what is told of a model, whatever its versions; ``home`` is its id."""
    latest = next(reversed(versions))
    number = int(latest) + 1 if latest.isdigit() else 1
    return {
        "id": home,
        "name": home.rpartition("/")[2],
        "type": f"{ML}/models",
        "properties": {
            "latestVersion": latest,
            "nextVersion": str(number),
            "isArchived": False,
            "tags": {},
            "properties": {},
        },
        "systemData": world.made(0.0),
    }
