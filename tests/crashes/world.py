"""A platform that is played on this machine, with everything that a release runs on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from blocks import registry
from blocks.contracts import (
    CONTRACTS,
    Endpoints,
    Inventory,
    ModelRegistry,
    ObjectStore,
    TrainingJobs,
)
from blocks.emulation.launch import Emulator
from blocks.emulation.ports import next_port
from blocks.emulation.rehearsing import EmulatedRehearsal
from blocks.platform import Platform
from blocks.providers.local import processes
from blocks.providers.local.desired import EndpointFolder
from blocks.providers.local.models import LocalModels
from blocks.providers.local.replicas import replicas_of
from blocks.providers.local.services import LocalServices
from blocks.registry import connect
from blocks.workspace import HOME, owner_of
from flows.rehearsal import platform_of
from tests.chains.clouds import CLOUDS
from tests.chains.command import ROOT, run
from tests.chains.project import make_project
from tests.crashes.table import Counts
from tests.unit.registry.server import Server as MlflowServer

PLATFORMS = ("local", *CLOUDS)
NAME = "small"  # of model and endpoint
SAVE = """
import json, sys
from blocks.platform import Platform
from blocks.providers.local.models import LocalModels
refs, tracking = json.loads(sys.argv[1]), sys.argv[2]
if tracking:
    LocalModels(tracking_uri=tracking).save("crashes", overwrite=True)
Platform(name="crashes", **refs).save("crashes", overwrite=True)
"""
PARAMETERS = 'training.parameters={slope: "0.5", pause: "0.3"}'
SERVERS = ("endpoint:", "function/", "run:")  # what names of model servers' containers begin with
BY_REQUEST = ("aws-lambda", "gcp-run")  # whose model servers come and go with requests


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One platform."""

    provider: str
    platform: Platform
    home: Path  # the workspace, in which the services of this machine run, too
    specification: Path
    environment: Mapping[str, str]  # what a process has to be told
    services: LocalServices
    emulator: Emulator | None
    mlflow: MlflowServer | None

    @property
    def release(self) -> tuple[str, ...]:
        """The words of a specification and its platform, as commands take them."""
        machines = CLOUDS[self.provider].machines if self.emulator else ()
        changes = [word for change in (*machines, PARAMETERS) for word in ("--set", change)]
        return str(self.specification), "--platform", "crashes", *changes

    @property
    def where(self) -> dict[str, Any]:
        """What ``tests.chains.command`` has to know to run a command here."""
        told = {**self.environment, **self.services.prefect_settings()}
        return {"workspace": self.home, "api": told.pop("PREFECT_API_URL"), **told}

    @property
    def store(self) -> ObjectStore:
        """Where everything about a release is kept."""
        return self.platform.connect(ObjectStore)

    @property
    def models(self) -> ModelRegistry:
        """The registry."""
        if self.mlflow is not None:
            return LocalModels(tracking_uri=self.mlflow.url)
        return self.platform.connect(ModelRegistry)

    @property
    def endpoints(self) -> Endpoints:
        """The endpoints."""
        return self.platform.connect(Endpoints)

    def has(self, place: str) -> bool:
        """Whether anything is kept below a place of the store."""
        store = self.store
        return any(True for _ in store.walk(f"{store.root}/{place}"))

    def journal(self, run_: str = "") -> list[dict[str, Any]]:
        """Return the entries of the endpoint's journal, in order: of one run, or of all."""
        store = self.store
        found = list(store.walk(f"{store.root}/rollouts/{NAME}/journal"))
        entries = [json.loads(store.read(each.uri)) for each in found]
        return [each for each in entries if run_ in ("", each["run"])]

    def jobs(self) -> int:
        """Return how many training jobs were ever made."""
        trains, _ = registry.split(self.platform.training, TrainingJobs)
        inventory = connect(f"{trains}-inventory", Inventory)
        return sum(each.kind == "training-job" for each in inventory.owned())

    def versions(self) -> int:
        """Return how many versions are registered."""
        models, number = self.models, 0
        while models.find(NAME, str(number + 1)) is not None:
            number += 1
        return number

    def counts(self) -> Counts:
        """Return what the provider holds now."""
        return Counts(
            jobs=self.jobs(),
            versions=self.versions(),
            variants=len(self.endpoints.variants(NAME)),
            servers=0 if self.provider in BY_REQUEST else len(self.model_servers()),
        )

    def model_servers(self) -> list[int]:
        """Return the process groups of live model servers."""
        if self.emulator is not None:
            running = self.emulator.running()
            return [each["pid"] for each in running if str(each["name"]).startswith(SERVERS)]
        found = [each.identity for each in replicas_of(self.folder)]
        return [each.pid for each in found if processes.alive(each)]

    @property
    def folder(self) -> EndpointFolder:
        """Where this machine keeps its endpoint."""
        return EndpointFolder(self.home / "endpoints" / NAME)

    def left(self) -> Sequence[str]:
        """Return what computes or bills, or runs for the workspace."""
        upstream = [str(each["name"]) for each in self.emulator.running()] if self.emulator else []
        ours = {each.resource for each in processes.owned(owner_of(self.home))}
        return sorted({*upstream, *ours})


@contextmanager
def world_of(provider: str, folder: Path, *, mlflow: bool) -> Iterator[World]:
    """Play a platform below a folder, with a first version live on it; end everything after.

    ``mlflow``: models are registered in an MLflow server, which is a process of ours.
    """
    kind: Any = registry.load(registry.provider(provider).rehearsal or "")
    with ExitStack() as stack:
        rehearsal = stack.enter_context(kind(folder))
        environment = dict(rehearsal.environment())
        home = Path(environment[HOME])
        stack.enter_context(patch.dict(os.environ, environment))
        del environment[HOME]
        services = LocalServices(home)
        stack.callback(_end, home)
        services.start("prefect")
        emulated = isinstance(rehearsal, EmulatedRehearsal)
        world = World(
            provider=provider,
            platform=platform_of(provider),
            home=home,
            specification=make_project(folder / "project"),
            environment=environment,
            services=services,
            emulator=rehearsal.emulator if emulated else None,
            mlflow=stack.enter_context(_mlflow(folder / "mlflow")) if mlflow else None,
        )
        _save_platform(world)
        run("release", *world.release, "--run", "first", within=900, **world.where)
        yield world


def _save_platform(world: World) -> None:
    refs = {
        contract.capability: ref
        for contract in CONTRACTS
        if (ref := getattr(world.platform, contract.capability, None)) is not None
    }
    tracking = ""
    if world.mlflow is not None:
        tracking, refs["models"] = world.mlflow.url, "local-models/crashes"
    subprocess.run(
        [sys.executable, "-c", SAVE, json.dumps(refs), tracking],
        cwd=ROOT,
        env={**os.environ, **world.services.prefect_settings()},
        check=True,
        capture_output=True,
        timeout=280,
    )


@contextmanager
def _mlflow(folder: Path) -> Iterator[MlflowServer]:
    folder.mkdir(parents=True)
    server = MlflowServer(folder=folder, port=next_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _end(home: Path) -> None:
    for found in processes.owned(owner_of(home)):
        processes.stop(found.identity, grace=2)
