"""Logs of a release for a collector: every line of a step says which run, job and deployment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chains.command import run_json
from tests.chains.project import make_project


@pytest.mark.slow
def test_lines_of_a_release_carry_its_run_attempt_and_ids(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    log = tmp_path / "log"
    report = run_json(
        *("release", str(make_project(tmp_path / "project")), "--run", "first"),
        workspace=workspace,
        api=prefect_api,
        BLUEWATER_LOG_JSON=str(log),
    )
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    [attempt] = report["training"]["attempts"]
    [begun] = [each for each in lines if each["message"].startswith("attempt 0: job")]
    wanted = {"run": "first", "step": "train", "attempt": 0, "provider": "local"}
    assert wanted.items() <= begun.items()
    assert begun["job"] == attempt["ref"]["id"]
    assert begun["flow_run_id"]
    assert begun["task_run_id"]
    rollout = [each for each in lines if each.get("step") == "roll out" and "version" in each]
    assert {(each["run"], each["endpoint"], each["version"]) for each in rollout} == {
        ("first", "small", "1")
    }
    assert [each["deployment"] for each in rollout if "deployment" in each] == ["small/v1"]
    steps = [each for each in lines if each["logger"] == "prefect.task_runs"]
    assert {each.get("run") for each in steps if each["step"] != "check"} == {"first"}
