"""One machine of a job: inputs downloaded, outputs mounted, the command in a shell."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from blocks.emulation.containers import Container
from blocks.providers.azure.emulator.blobs import Mount
from blocks.providers.azure.emulator.job import Job, Over
from blocks.providers.azure.emulator.launch import CONTAINER, DATASTORE, STORAGE
from blocks.providers.azure.emulator.world import World

LOGS = "azureml"  # the container for what runs leave
_DATASTORE = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/workspaces/[^/]+/)?"
    r"datastores/(?P<store>[^/]+)/paths/(?P<path>.*)"
)
_ABFSS = re.compile(r"(?:abfss|wasbs)://(?P<container>[^@]+)@(?P<host>[^/]+)/(?P<path>.*)")
_PLAIN = re.compile(r"python [\w ./:@%+,-]*")
_PLACE = re.compile(r"\$\{\{(inputs|outputs)\.(\w+)\}\}")


def log_of(job: Job, rank: int) -> str:
    """Return the name of the blob that a machine's output is written to."""
    name = "std_log.txt" if job.count == 1 else f"std_log_process_{rank}.txt"
    return f"ExperimentRun/dcid.{job.name}/user_logs/{name}"


class Machines:
    """The machines that a job has for a while."""

    def __init__(self, world: World, job: Job, serial: int) -> None:
        self._world, self._job = world, job
        self._folder = world.folder / "jobs" / job.name / str(serial)
        self._mounts: dict[str, Mount] = {}
        self.nodes: list[Container] = []

    def start(self) -> None:
        """Fill the machines and start the command on each. Raises Over where there is no data."""
        places = {**self._inputs(), **self._outputs()}
        told = {
            f"AZURE_ML_{kind.upper()[:-1]}_{name}": str(each)
            for (kind, name), each in places.items()
        }
        command = _PLACE.sub(
            lambda found: str(places[found[1], found[2]]), self._job.properties["command"]
        )
        for rank in range(self._job.count):
            self.nodes.append(self._start(rank, command, told))

    def carry(self) -> None:
        """Carry what was written to the mounted outputs."""
        for mount in self._mounts.values():
            mount.carry()

    def end(self) -> None:
        """Take the machines away at once."""
        for node in self.nodes:
            node.end()
        self.carry()

    def stop(self) -> None:
        """Let the command end by itself, for a while."""
        for node in self.nodes:
            node.stop(self._world.clock, grace=self._world.settings.grace)
        self.carry()

    def _start(self, rank: int, command: str, told: Mapping[str, str]) -> Container:
        job, world, log = self._job, self._world, log_of(self._job, rank)
        folder = self._folder / f"node-{rank}"
        folder.mkdir(parents=True)
        env = {
            **world.container_env(),
            **told,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "AZUREML_RUN_ID": job.name,
            **self._tracking(),
            **(self._ranks(rank) if job.properties.get("distribution") else {}),
            **{k: v or "" for k, v in (job.properties.get("environmentVariables") or {}).items()},
        }

        def hear(line: str) -> None:
            world.blobs.append(LOGS, log, f"{line}\n".encode())

        return world.containers.run(
            f"job/{job.name}/{rank}", folder, arguments_of(command), env, hear
        )

    def _tracking(self) -> dict[str, str]:
        """Return where a job finds MLflow: an address that Azure's plugin knows, and a token."""
        place = self._world.url.partition("://")[2]
        home = self._world.resource("").rstrip("/")
        return {
            "MLFLOW_TRACKING_URI": f"azureml://{place}/mlflow/v1.0{home}",
            "MLFLOW_TRACKING_TOKEN": self._world.identity.of_a_run(),
        }

    def _ranks(self, rank: int) -> dict[str, str]:
        return {
            "RANK": str(rank),
            "NODE_RANK": str(rank),
            "LOCAL_RANK": "0",
            "WORLD_SIZE": str(self._job.count),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "6105",
        }

    def _inputs(self) -> dict[tuple[str, str], Path]:
        places = {}
        for name, said in (self._job.properties.get("inputs") or {}).items():
            if said["jobInputType"] == "literal":
                continue
            container, path = place_of(said["uri"])
            folder = self._folder / "inputs" / name
            folder.mkdir(parents=True)
            places["inputs", name] = self._fetched(said, container, path, folder)
        return places

    def _fetched(self, said: Mapping[str, Any], container: str, path: str, folder: Path) -> Path:
        if said["jobInputType"] == "uri_file":
            blob = self._world.blobs.find(container, path)
            if blob is None:
                raise Over("Failed", "UserError", f"ScriptExecution.StreamAccess.NotFound: {path}")
            file = folder / path.rpartition("/")[2]
            file.write_bytes(blob.content)
            return file
        if not self._world.blobs.download(container, path, folder):
            raise Over("Failed", "UserError", f"ScriptExecution.StreamAccess.NotFound: {path}")
        return folder

    def _outputs(self) -> dict[tuple[str, str], Path]:
        places = {}
        for name, said in (self._job.properties.get("outputs") or {}).items():
            folder = self._folder / "outputs" / name
            container, path = place_of(said["uri"])
            self._mounts[name] = Mount(self._world.blobs, container, path, folder)
            places["outputs", name] = folder
        return places


def arguments_of(command: str) -> list[str]:
    """Return what runs a command: a shell, unless there is nothing in it for a shell to do."""
    return command.split() if _PLAIN.fullmatch(command) else ["/bin/bash", "-c", command]


def place_of(uri: str) -> tuple[str, str]:
    """Return container and path. Raises Over for what this workspace cannot reach."""
    if found := _DATASTORE.fullmatch(uri):
        if found["store"] != DATASTORE:
            raise Over("Failed", "UserError", f"there is no datastore {found['store']}")
        return CONTAINER, unquote(found["path"]).strip("/")
    found = _ABFSS.fullmatch(uri)
    if not found or found["host"].partition(".")[0] != STORAGE:
        raise Over("Failed", "UserError", f"{uri} cannot be reached from this workspace")
    return found["container"], unquote(found["path"]).strip("/")
