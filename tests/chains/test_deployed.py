"""The flows as deployments: started by hand through a worker, by an event, and once at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from blocks.testing.waiting import until
from tests.chains.project import make_project

ROOT = Path(__file__).parents[2]


def run(*words: str, api: str, workspace: Path) -> str:
    environment = {**os.environ, "PREFECT_API_URL": api, "BLUEWATER_HOME": str(workspace)}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def client() -> httpx.Client:
    user, _, password = os.environ["PREFECT_API_AUTH_STRING"].partition(":")
    return httpx.Client(auth=(user, password))


def runs_of(api: str, deployment: str) -> list[dict[str, object]]:
    found = client().post(
        f"{api}/flow_runs/filter",
        json={"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"},
    )
    return list(found.raise_for_status().json())


def deployment(api: str, flow: str) -> dict[str, object]:
    found = client().get(f"{api}/deployments/name/{flow}/small")
    return dict(found.raise_for_status().json())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_deployed_release_runs_by_hand_and_when_a_retrain_is_asked_for(
    prefect_api: str, tmp_path: Path, workspace: Path
) -> None:
    api, specification = prefect_api, make_project(tmp_path / "project")
    for _ in range(2):  # the second time finds everything there
        run("deployments.deploy", str(specification), api=api, workspace=workspace)
    release, watch = deployment(api, "release"), deployment(api, "watch")
    assert watch["schedules"], "the watch has no schedule"

    run("prefect", "deployment", "run", "release/small", api=api, workspace=workspace)
    worker = ("prefect", "worker", "start", "--pool", "bluewater", "--run-once")
    said = run(*worker, api=api, workspace=workspace)
    by_hand = runs_of(api, str(release["id"]))
    assert [each["state_type"] for each in by_hand] == ["COMPLETED"], said

    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "bluewater.retrain.asked",
        "resource": {"prefect.resource.id": "bluewater.endpoint.small"},
        "payload": {},
    }
    client().post(f"{api}/events", json=[event]).raise_for_status()
    until(lambda: len(runs_of(api, str(release["id"]))) == 2)
    asked = runs_of(api, str(release["id"]))[-1]
    assert asked["parameters"] == by_hand[0]["parameters"]
