"""SIGKILL in every stage of a real release: one job an attempt, one model, one endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.contracts import Endpoints, ModelRegistry
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.models import LocalModels
from blocks.testing.waiting import until
from blocks.workspace import owner_of
from tests.chains.command import run, run_json, start
from tests.chains.project import make_project


def journal(workspace: Path) -> list[str]:
    """Return the events of the endpoint's journal, in order."""
    folder = workspace / "store" / "rollouts" / "small" / "journal"
    return [json.loads(file.read_text())["event"] for file in sorted(folder.glob("*.json"))]


STAGES: dict[str, Callable[[Path], bool]] = {
    "validate": lambda home: (home / "store/runs/second/validation").exists(),
    "train": lambda home: len(list((home / "jobs").glob("*"))) >= 2,
    "evaluate": lambda home: (home / "store/runs/second/evaluation").exists(),
    "register": lambda home: (home / "store/runs/second/draft.json").exists(),
    "deploy": lambda home: journal(home).count("begun") == 2,
    "step": lambda home: journal(home)[5:].count("step") >= 1,
    "next step": lambda home: journal(home)[5:].count("step") >= 2,
    "live": lambda home: journal(home).count("live") == 2,
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_release_killed_in_every_stage_ends_as_if_nothing_had_happened(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    release = ("release", str(make_project(tmp_path / "project")))
    run(*release, "--run", "first", workspace=workspace, api=prefect_api)
    second = (
        *release,
        *("--run", "second", "--set", 'training.parameters={slope: "0.6", pause: "0.3"}'),
    )
    for stage, reached in STAGES.items():
        process = start(*second, workspace=workspace, api=prefect_api)
        until(lambda reached=reached: reached(workspace), within=120)  # type: ignore[misc]
        process.kill()
        process.communicate()
        assert process.returncode == -9, f"it ended before it could be killed in {stage}"

    report = run_json(*second, workspace=workspace, api=prefect_api)

    machine = LocalMachine(workspace=workspace)
    models: ModelRegistry = LocalModels(machine=machine)
    endpoints: Endpoints = LocalEndpoints(machine=machine)
    assert len(report["training"]["attempts"]) == 1
    assert len(list((workspace / "jobs").glob("[!.]*"))) == 2  # one of each release
    assert models.find("small", "3") is None
    champion = models.resolve("small", "champion")
    assert champion is not None
    assert champion.version == "2"
    assert [move.version for move in models.history("small", "champion")] == ["1", "2"]
    assert dict(endpoints.traffic("small").percent) == {"v2": 100}
    assert [variant.name for variant in endpoints.variants("small")] == ["v2"]
    assert journal(workspace)[-1] == "finished"

    run("down", "--yes", workspace=workspace, api=prefect_api)
    assert list(processes.owned(owner_of(workspace))) == []
