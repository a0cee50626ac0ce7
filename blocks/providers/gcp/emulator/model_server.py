"""One replica of a deployed model: a model server as a process of this machine."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from google.cloud.aiplatform_v1.types import Model, ModelContainerSpec

from blocks.emulation.containers import Container
from blocks.emulation.ports import next_port
from blocks.providers.gcp.emulator.variables import filled
from blocks.providers.gcp.emulator.world import NUMBER, World

LOG_KIND = "aiplatform.googleapis.com/Endpoint"
LOG = "aiplatform.googleapis.com%2Fprediction_container"
BIND_HOST = "BLUEWATER_BIND_HOST"  # a container has a network of its own, a process has not
STAND_IN = ("python", "-m", f"{__package__}.stand_in_server")
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where on Vertex AI a replica runs."""

    endpoint: str  # its id
    deployed_model: str  # its id
    display_name: str
    machine: str
    kind: str = "endpoint:"  # before its name


@dataclass(slots=True, kw_only=True)
class Replica:
    """One machine with one container."""

    container: Container
    url: str
    health: str  # URL of the health route
    predict: str  # URL of the predict route
    ready: bool = False

    @property
    def serves(self) -> bool:
        """Whether it can be asked."""
        return self.ready and not self.ended

    @property
    def ended(self) -> bool:
        """Whether its container is over."""
        return self.container.poll() is not None

    def look(self, http: httpx.Client) -> None:
        """Ask the health route."""
        try:
            self.ready = http.get(self.health).status_code == httpx.codes.OK
        except httpx.HTTPError:
            self.ready = False


def start_replica(world: World, model: Model, place: Place) -> Replica:
    """Start a container of a model. Raises OSError where there is no such command."""
    replica, port = f"{next(_NUMBERS):04d}", next_port()
    spec = model.container_spec
    folder = world.folder / "endpoints" / place.endpoint / place.deployed_model / replica
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    health, predict = _routes(spec, place)
    given = {**world.container_env(), **_variables(model, place, port, health, predict)}
    env = {**filled(given, spec.env), BIND_HOST: "127.0.0.1"}
    entry = {"deployed_model_id": place.deployed_model, "replica_id": replica}

    def hear(line: str) -> None:
        labels = {"endpoint_id": place.endpoint, "location": world.location}
        world.logs.write(LOG, line, kind=LOG_KIND, labels=labels, entry_labels=entry)

    name = f"{place.kind}{place.endpoint}/{place.display_name}"
    command = [*(spec.command or STAND_IN), *spec.args]
    container = world.containers.run(name, folder, command, env, hear)
    url = f"http://127.0.0.1:{port}"
    return Replica(container=container, url=url, health=url + health, predict=url + predict)


def _routes(spec: ModelContainerSpec, place: Place) -> tuple[str, str]:
    """Return the routes for health and predictions; the defaults are those of the reference."""
    own = f"/v1/endpoints/{place.endpoint}/deployedModels/{place.deployed_model}"
    return spec.health_route or own, spec.predict_route or f"{own}:predict"


def _variables(
    model: Model, place: Place, port: int, health: str, predict: str
) -> Mapping[str, str]:
    """Return what Vertex AI sets for a container of a deployed model."""
    return {
        "AIP_HTTP_PORT": str(port),
        "AIP_HEALTH_ROUTE": health,
        "AIP_PREDICT_ROUTE": predict,
        "AIP_STORAGE_URI": model.artifact_uri,
        "AIP_MODE": "PREDICTION",
        "AIP_PROJECT_NUMBER": NUMBER,
        "AIP_ENDPOINT_ID": place.endpoint,
        "AIP_DEPLOYED_MODEL_ID": place.deployed_model,
        "AIP_MACHINE_TYPE": place.machine,
    }
