"""Trained on one cloud, registered in MLflow, served on another: the flow stays the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks import registry
from blocks.contracts import Endpoints, Inventory, ModelRegistry
from blocks.emulation.rehearsing import EmulatedRehearsal
from blocks.registry import connect
from blocks.testing.waiting import until
from tests.chains.clouds import CLOUDS
from tests.chains.command import run, run_json
from tests.chains.project import make_project

PAIRS = [("azure", "databricks"), ("databricks", "azure")]  # trains, serves
MINE = ("training", "store", "inventory")
THEIRS = ("endpoints", "monitor")
WATCH = ("--set", "watch.window=PT1M", "--set", "watch.settle=PT5S")
PATIENCE = 600  # seconds: both clouds are played beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """Two emulated clouds, by their providers."""

    trains: str
    serves: str
    worlds: tuple[EmulatedRehearsal[Any], EmulatedRehearsal[Any]]

    def platform(self, file: Path) -> Path:
        """Write down who does what; return the file."""
        refs = {each: f"{self.trains}-{each}" for each in MINE}
        refs |= {each: f"{self.serves}-{each}" for each in THEIRS}
        file.write_text(yaml.safe_dump({"name": "mixed", "models": "local-models", **refs}))
        return file


@pytest.fixture(params=PAIRS, ids=" to ".join)
def mixed(
    request: pytest.FixtureRequest, tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mixed]:
    trains, serves = request.param
    one, other = (registry.load(registry.provider(name).rehearsal or "") for name in request.param)
    with one(tmp_path / "trains") as trained, other(tmp_path / "serves") as served:
        for name, value in {**trained.environment(), **served.environment()}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("BLUEWATER_HOME", str(workspace))
        yield Mixed(trains=trains, serves=serves, worlds=(trained, served))


def trained(world: EmulatedRehearsal[Any]) -> bool:
    """Return whether a training ever had a machine there."""
    kind = f"{world.emulator.training}/"
    return any(each["name"].startswith(kind) for each in world.emulator.uptimes())


def watched(endpoints: Endpoints, *look: str, **where: Any) -> Any:
    """Ask the endpoint, so that every minute has some requests, and look at the last minute."""
    for _ in range(20):
        endpoints.predict("small", {"dataframe_records": [{"x": 0.5}]})
    return run_json(*look, within=PATIENCE, **where)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_release_is_trained_on_one_cloud_and_served_on_another(
    tmp_path: Path, workspace: Path, prefect_api: str, mixed: Mixed
) -> None:
    trains, serves = CLOUDS[mixed.trains], CLOUDS[mixed.serves]
    machine, served_on = trains.machine, serves.served_on or serves.machine
    rates = {each: {"on_demand": "1"} for each in (machine, served_on)}
    book = {"currency": "USD", "as_of": "2026-11-01", "source": "both", "machines": rates}
    workspace.mkdir()
    (workspace / "prices.json").write_text(json.dumps(book))
    platform = mixed.platform(tmp_path / "platform.yaml")
    where: dict[str, Any] = {"workspace": workspace, "api": prefect_api}
    release = (
        *("release", str(make_project(tmp_path / "project")), "--platform", str(platform)),
        *("--set", f"training.machine={machine}", "--set", f"rollout.machine={served_on}"),
    )
    run(*release, "--run", "first", within=PATIENCE, **where)
    parameters = 'training.parameters={slope: "0.6"}'
    report = run_json(*release, "--run", "second", "--set", parameters, within=PATIENCE, **where)

    assert report["rollout"]["outcome"] == "live", report["rollout"]["why"]
    endpoints = connect(f"{mixed.serves}-endpoints", Endpoints)
    assert dict(endpoints.traffic("small").percent) == {"v2": 100}
    champion = connect("local-models", ModelRegistry).resolve("small", "champion")
    assert champion is not None
    assert champion.version == "2"
    assert champion.uri.startswith("file://")
    assert [trained(world) for world in mixed.worlds] == [True, False]
    answer = endpoints.predict("small", {"dataframe_records": [{"x": 0.5}]})
    assert answer.body["predictions"] == pytest.approx([0.4])

    looks = ("watch", *release[1:], *WATCH)
    until(lambda: watched(endpoints, *looks, **where)["rows"] > 0, within=PATIENCE)

    run("down", "--yes", "--platform", str(platform), **where)
    for name, world in zip((mixed.trains, mixed.serves), mixed.worlds, strict=True):
        until(lambda world=world: not world.left())  # type: ignore[misc]
        owned = connect(f"{name}-inventory", Inventory).owned()
        assert not [each for each in owned if each.running]
