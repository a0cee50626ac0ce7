"""SIGKILL in every stage of a release on an emulated AWS account: as if nothing had happened."""

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
    CONTRACTS,
    Endpoints,
    Inventory,
    ModelRegistry,
    ObjectStore,
)
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.rehearsal import AwsRehearsal
from blocks.registry import connect
from blocks.testing.waiting import until
from tests.chains.command import run, run_json, start
from tests.chains.project import make_project


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An emulated account, and what a process has to be told to find it."""

    emulator: launch.Account
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
        """Return the names of all training jobs that were ever made."""
        calls = self.emulator.calls("sagemaker:CreateTrainingJob")
        return sorted({call["request"]["TrainingJobName"] for call in calls})


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


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with AwsRehearsal(tmp_path / "world") as rehearsal:
        environment = dict(rehearsal.environment())
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        environment.pop("BLUEWATER_HOME")
        store = connect("aws-store", ObjectStore)
        yield World(emulator=rehearsal.emulator, environment=environment, store=store)


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    offered = registry.provider("aws").capabilities
    assert {contract.capability for contract in CONTRACTS} == set(offered)
    file = tmp_path / "aws.yaml"
    file.write_text(yaml.safe_dump({"name": "aws", **{name: f"aws-{name}" for name in offered}}))
    return file


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_release_on_aws_killed_in_every_stage_ends_as_if_nothing_had_happened(
    tmp_path: Path, workspace: Path, prefect_api: str, world: World, platform: Path
) -> None:
    where: dict[str, Any] = {"workspace": workspace, "api": prefect_api, **world.environment}
    machines = ("training.machine=ml.m5.large", "rollout.machine=ml.m5.large")
    release = (
        *("release", str(make_project(tmp_path / "project")), "--platform", str(platform)),
        *(word for change in machines for word in ("--set", change)),
    )
    run(*release, "--run", "first", **where)
    parameters = 'training.parameters={slope: "0.6", pause: "0.3"}'
    second = (*release, "--run", "second", "--set", parameters)
    world.emulator.fault("held-reply", call="sagemaker:CreateTrainingJob")
    for stage, reached in STAGES.items():
        process = start(*second, **where)
        until(lambda reached=reached: reached(world), within=180)  # type: ignore[misc]
        process.kill()
        process.communicate()
        assert process.returncode == -9, f"it ended before it could be killed in {stage}"
        world.emulator.pull("calm")  # whoever waited for the reply is dead by now

    report = run_json(*second, **where)

    models = connect("aws-models", ModelRegistry)
    endpoints = connect("aws-endpoints", Endpoints)
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
    inventory = connect("aws-inventory", Inventory)
    assert not [each for each in inventory.owned() if each.running]
