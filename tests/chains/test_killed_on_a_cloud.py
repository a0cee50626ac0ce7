"""SIGKILL in every stage of a release on an emulated cloud: as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks import registry
from blocks.contracts import (
    NEEDED,
    Endpoints,
    Inventory,
    ModelRegistry,
    ObjectStore,
)
from blocks.emulation.launch import Emulator
from blocks.emulation.rehearsing import EmulatedRehearsal
from blocks.registry import connect
from blocks.testing.waiting import until
from tests.chains.clouds import CLOUDS
from tests.chains.command import run, run_json, start
from tests.chains.project import make_project

EVERYTHING = {contract.capability for contract in NEEDED}
WHOLE = [name for name in CLOUDS if set(registry.provider(name).capabilities) >= EVERYTHING]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An emulated cloud, and what a process has to be told to find it."""

    provider: str
    emulator: Emulator
    environment: dict[str, str]
    store: ObjectStore

    def has(self, place: str) -> bool:
        """Whether anything is kept below a place of the store."""
        return any(True for _ in self.store.walk(f"{self.store.root}/{place}"))

    def journal(self) -> list[str]:
        """Return the events of the endpoint's journal, in order."""
        found = self.store.walk(f"{self.store.root}/rollouts/small/journal")
        return [json.loads(self.store.read(each.uri))["event"] for each in found]

    def made(self) -> list[str]:
        """Return the ids of all training jobs that were ever made."""
        inventory = connect(f"{self.provider}-inventory", Inventory)
        return [each.id for each in inventory.owned() if each.kind == "training-job"]


STAGES: dict[str, Callable[[World], bool]] = {
    "validate": lambda world: world.has("runs/second/validation"),
    "train": lambda world: len(world.made()) >= 2,
    "evaluate": lambda world: world.has("runs/second/evaluation"),
    "register": lambda world: world.has("runs/second/draft.json"),
    "deploy": lambda world: world.journal().count("begun") == 2,
    "step": lambda world: world.journal()[5:].count("step") >= 1,
    "next step": lambda world: world.journal()[5:].count("step") >= 2,
    "live": lambda world: world.journal().count("live") == 2,
}


@pytest.fixture(params=WHOLE)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    provider = str(request.param)
    kind: type[EmulatedRehearsal[Any]] = registry.load(registry.provider(provider).rehearsal or "")
    with kind(tmp_path / "world") as rehearsal:
        environment = dict(rehearsal.environment())
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        environment.pop("BLUEWATER_HOME")
        yield World(
            provider=provider,
            emulator=rehearsal.emulator,
            environment=environment,
            store=connect(f"{provider}-store", ObjectStore),
        )


@pytest.fixture
def platform(tmp_path: Path, world: World) -> Path:
    file = tmp_path / "platform.yaml"
    refs = {name: f"{world.provider}-{name}" for name in sorted(EVERYTHING)}
    file.write_text(yaml.safe_dump({"name": world.provider, **refs}))
    return file


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_release_on_a_cloud_killed_in_every_stage_ends_as_if_nothing_had_happened(
    tmp_path: Path, workspace: Path, prefect_api: str, world: World, platform: Path
) -> None:
    where: dict[str, Any] = {"workspace": workspace, "api": prefect_api, **world.environment}
    cloud = CLOUDS[world.provider]
    release = (
        *("release", str(make_project(tmp_path / "project")), "--platform", str(platform)),
        *(word for change in cloud.machines for word in ("--set", change)),
    )
    run(*release, "--run", "first", **where)
    parameters = 'training.parameters={slope: "0.6", pause: "0.3"}'
    second = (*release, "--run", "second", "--set", parameters)
    for stage, reached in STAGES.items():
        if stage == "train":  # killed between the work and its reply
            world.emulator.fault("held-reply", call=cloud.creates_a_job)
        process = start(*second, **where)
        until(lambda reached=reached: reached(world), within=180)  # type: ignore[misc]
        process.kill()
        process.communicate()
        assert process.returncode == -9, f"it ended before it could be killed in {stage}"
        world.emulator.pull("calm")  # whoever waited for the reply is dead by now

    report = run_json(*second, **where)

    models = connect(f"{world.provider}-models", ModelRegistry)
    endpoints = connect(f"{world.provider}-endpoints", Endpoints)
    assert len(report["training"]["attempts"]) == 1
    assert len(world.made()) == 2  # one of each release
    assert models.find("small", "3") is None
    champion = models.resolve("small", "champion")
    assert champion is not None
    assert champion.version == "2"
    assert [move.version for move in models.history("small", "champion")] == ["1", "2"]
    assert dict(endpoints.traffic("small").percent) == {"v2": 100}
    assert [variant.name for variant in endpoints.variants("small")] == ["v2"]
    assert world.journal()[-1] == "finished"

    run("down", "--yes", "--platform", str(platform), **where)
    until(lambda: not world.emulator.running())
    inventory = connect(f"{world.provider}-inventory", Inventory)
    assert not [each for each in inventory.owned() if each.running]
