"""One instance of a deployment: a model server as a process of this machine."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from blocks.emulation.containers import Container
from blocks.emulation.ports import next_port
from blocks.providers.azure.emulator.job import Over
from blocks.providers.azure.emulator.job_node import place_of
from blocks.providers.azure.emulator.launch import STORAGE
from blocks.providers.azure.emulator.operations import Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

OWN_IMAGE = "blocks.providers.azure.serve"  # what our own image runs by itself
_OURS = "BLUEWATER_SERVE_ENDPOINT"  # by this variable it is known: there are no images here
_BIND_HOST, _BIND_PORT = "BLUEWATER_BIND_HOST", "BLUEWATER_BIND_PORT"
_SCRIPT = f"{__package__}.scoring_script"
_APP = "/var/azureml-app"
# What the inference server of Azure's own images answers to.
_USUAL = {"liveness": "/", "readiness": "/", "scoring": "/score"}
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an instance runs, and what."""

    endpoint: str
    deployment: str
    properties: Said  # of the deployment

    @property
    def name(self) -> str:
        """What its containers are called."""
        return f"endpoint:{self.endpoint}/{self.deployment}"


@dataclass(slots=True, kw_only=True)
class Replica:
    """One instance with one container."""

    container: Container
    url: str
    routes: Mapping[str, str]
    ready: bool = False
    flying: int = 0  # requests that it answers now

    @property
    def ended(self) -> bool:
        """Whether its container is over."""
        return self.container.poll() is not None

    @property
    def serves(self) -> bool:
        """Whether it can be asked."""
        return self.ready and not self.ended

    @property
    def scoring(self) -> str:
        """Where it is asked."""
        return self.url + self.routes["scoring"]

    def look(self, http: httpx.Client) -> None:
        """Ask whether it is ready."""
        try:
            self.ready = http.get(self.url + self.routes["readiness"]).is_success
        except httpx.HTTPError:
            self.ready = False


def start_replica(world: World, place: Place, log: Callable[[str], None]) -> Replica:
    """Start a container of a deployment. Raises AzureError where something of it is missing."""
    port, folder = next_port(), _folder(world, place)
    brought = _brought(world, place, folder)
    given = place.properties.get("environmentVariables") or {}
    env = {
        **world.container_env(),
        **brought,
        **{name: value or "" for name, value in given.items()},
        _BIND_HOST: "127.0.0.1",
        _BIND_PORT: str(port),
    }
    module = OWN_IMAGE if _OURS in given else _SCRIPT
    container = world.containers.run(place.name, folder, ["python", "-m", module], env, log)
    return Replica(
        container=container, url=f"http://127.0.0.1:{port}", routes=_routes(world, place)
    )


def _folder(world: World, place: Place) -> Path:
    home = world.folder / "endpoints" / place.endpoint / place.deployment
    folder = home / f"{next(_NUMBERS):04d}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _brought(world: World, place: Place, folder: Path) -> dict[str, str]:
    """Bring model and code, and return the variables that say where they are."""
    found = {"AZUREML_APP_ROOT": str(folder)}
    code = place.properties.get("codeConfiguration") or {}
    if code.get("codeId"):
        _bring(world, asset_of(world, code["codeId"])["codeUri"], folder / "code")
        found["AZUREML_ENTRY_SCRIPT"] = str(folder / "code" / code["scoringScript"])
    if model := place.properties.get("model"):
        name, version = model.split("/")[-3::2]
        home = folder / "azureml-models" / name / version
        uri = str(asset_of(world, model)["modelUri"])
        _bring(world, uri, home / uri.rstrip("/").rpartition("/")[2])
        found["AZUREML_MODEL_DIR"] = str(home)
    return found


def _bring(world: World, uri: str, folder: Path) -> None:
    """Bring a folder, or a file, to a path."""
    container, path = source_of(world, uri)
    if blob := world.blobs.find(container, path):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.write_bytes(blob.content)
    elif not world.blobs.download(container, path, folder):
        raise AzureError("BadArgument", f"Unable to download user model: {uri} is not there.")


def source_of(world: World, uri: str) -> tuple[str, str]:
    """Return container and path of what an asset was made from. Raises AzureError."""
    inside = f"{world.url}/{STORAGE}/"
    if uri.startswith(inside):  # as the links for uploads say it
        container, _, path = uri.removeprefix(inside).partition("/")
        return container, path
    try:
        return place_of(uri)
    except Over as over:
        raise AzureError("BadArgument", over.message) from over


def asset_of(world: World, name: str) -> dict[str, Any]:
    """Return the properties of a version of a model, of code or of an environment."""
    shared = name.startswith("azureml://")  # of a registry, where that belongs to the name
    found = world.assets.get((name if shared else name.removeprefix("azureml:")).lower())
    if found is None:
        raise AzureError("BadArgument", f"The asset {name} was not found.")
    properties: dict[str, Any] = found["properties"]
    return properties


def _routes(world: World, place: Place) -> dict[str, str]:
    told = asset_of(world, place.properties["environmentId"]).get("inferenceConfig") or {}
    return {
        kind: (told.get(f"{kind}Route") or {}).get("path") or usual
        for kind, usual in _USUAL.items()
    }
