"""A release waits for a yes: by the command line, by Prefect's API, or by what silence means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.testing.waiting import until
from flows.exits import Exit
from tests.chains.command import run, run_json, start
from tests.chains.project import make_project

WAIT = ("--set", "approval.within=PT1H")


def paused(api: str) -> list[dict[str, Any]]:
    user, _, password = os.environ["PREFECT_API_AUTH_STRING"].partition(":")
    asked = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
    found = httpx.post(f"{api}/flow_runs/filter", json=asked, auth=(user, password))
    runs: list[dict[str, Any]] = found.raise_for_status().json()
    return runs


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_version_gets_traffic_before_a_yes(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    release = ("release", str(make_project(tmp_path / "project")))
    world: dict[str, Any] = {"workspace": workspace, "api": prefect_api}
    endpoints = LocalEndpoints(machine=LocalMachine(workspace=workspace))

    first = start(*release, *WAIT, "--run", "first", **world)
    until((workspace / "store/approvals/first/question.json").exists, within=120)
    assert [each["run"] for each in run_json("approve", **world)] == ["first"]
    assert endpoints.variants("small") == []
    run("approve", "first", "--why", "looked at it", **world)
    out, errors = first.communicate(timeout=240)
    assert first.returncode == Exit.OK, errors[-3000:] + out[-1000:]
    assert dict(endpoints.traffic("small").percent) == {"v1": 100}
    assert run_json("approve", **world) == []
    run("approve", "first", "--no", code=Exit.BUSY, **world)

    better = ("--set", 'training.parameters={slope: "0.6"}')
    second = start(*release, *WAIT, *better, "--run", "second", **world)
    until(lambda: paused(prefect_api), within=120)
    (waits,) = paused(prefect_api)
    user, _, password = os.environ["PREFECT_API_AUTH_STRING"].partition(":")
    form = {"run_input": {"approve": False, "by": "ann", "why": "not on a Friday"}}
    httpx.post(
        f"{prefect_api}/flow_runs/{waits['id']}/resume", json=form, auth=(user, password)
    ).raise_for_status()
    _, errors = second.communicate(timeout=240)
    assert second.returncode == Exit.NOT_APPROVED, errors[-3000:]
    assert "ann: not on a Friday" in " ".join(errors.split())
    assert dict(endpoints.traffic("small").percent) == {"v1": 100}

    silence = ("--set", "approval={within: PT1S, on_silence: approve}", "--run", "third")
    run(*release, *better, *silence, **world)
    assert dict(endpoints.traffic("small").percent) == {"v3": 100}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_that_is_killed_while_it_waits_finds_the_answer_given_meanwhile(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    release = ("release", str(make_project(tmp_path / "project")), *WAIT, "--run", "only")
    world: dict[str, Any] = {"workspace": workspace, "api": prefect_api}
    process = start(*release, **world)
    until((workspace / "store/approvals/only/question.json").exists, within=120)
    process.kill()
    process.communicate()
    run("approve", "only", **world)
    report = run_json(*release, **world)
    assert report["rollout"]["outcome"] == "live"
