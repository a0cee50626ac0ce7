"""The flows as deployments of one specification, and as ``prefect deploy`` makes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployments.catalogue import FILE, entries
from tests.chains.command import run
from tests.chains.project import make_project
from tests.chains.server import Server

ROOT = Path(__file__).parents[2]
FLOWS = ("release", "rollout", "rollback", "watch", "retrain", "batch")


def prefect(*words: str, workspace: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *words],
        cwd=ROOT,
        env={**os.environ, "BLUEWATER_HOME": str(workspace)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_specification_is_deployed_once_however_often_and_runs_by_hand(
    prefect_api: str, tmp_path: Path, workspace: Path
) -> None:
    server, specification = Server.in_force(), make_project(tmp_path / "project")
    seen = []
    for _ in range(2):
        run("deploy", str(specification), workspace=workspace, api=prefect_api)
        found = [server.deployment(f"{flow}/small")["id"] for flow in FLOWS]
        automations = server.ask("POST", "/automations/filter", {})
        names = [each["name"] for each in automations if "small" in each["name"]]
        seen.append((found, sorted(names)))
    assert seen[0] == seen[1], "the second time does not find everything there"
    assert len(seen[0][1]) == len(set(seen[0][1])) == 5
    assert server.deployment("watch/small")["schedules"], "the watch has no schedule"
    turns = {server.deployment(f"{flow}/small")["work_queue_name"] for flow in FLOWS[:2]}
    assert turns == {"endpoint-small"}
    queue = server.ask("GET", "/work_pools/bluewater/queues/endpoint-small")
    assert queue["concurrency_limit"] == 1
    assert server.deployment("rollback/small")["work_queue_name"] != "endpoint-small"

    by_hand = server.start("release/small")
    said = prefect("worker", "start", "--pool", "bluewater", "--run-once", workspace=workspace)
    assert server.run(by_hand)["state_type"] == "COMPLETED", said


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_file_can_be_deployed_by_prefect_itself(prefect_api: str, workspace: Path) -> None:
    server = Server.in_force()
    documents = [sys.executable, "-m", "deployments.documents", "this-machine"]
    for _ in range(2):
        subprocess.run(documents, cwd=ROOT, check=True, capture_output=True, timeout=280)
    prefect("deploy", "--all", "--prefect-file", str(FILE), workspace=workspace)
    for entry in entries():
        flow = entry.flow()
        found = server.deployment(f"{flow.name}/default")
        assert found["entrypoint"] == entry.entrypoint
        assert found["description"] == entry.description
        assert found["concurrency_options"]["collision_strategy"] == entry.on_collision
        form = found["parameter_openapi_schema"]["properties"]
        assert set(form) == set(flow.parameters.properties)
        lacking = [name for name, field in form.items() if not field.get("description")]
        assert lacking == [], f"the form of {flow.name} does not explain these"


PLATFORM = """
from blocks.platform import Platform
refs = {name: f"aws-{name}" for name in ("training", "models", "endpoints", "store")}
Platform(name="prod", **refs).save("prod")
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pool_of_containers_is_told_what_to_start(
    prefect_api: str, tmp_path: Path, workspace: Path
) -> None:
    """Prefect itself checks what a deployment overrides against the pool's template."""
    server, specification = Server.in_force(), str(make_project(tmp_path / "project"))
    prefect("work-pool", "create", "boxes", "--type", "kubernetes", workspace=workspace)
    subprocess.run([sys.executable, "-c", PLATFORM], cwd=ROOT, check=True, timeout=280)
    where: dict[str, Any] = {"workspace": workspace, "api": prefect_api}
    to = ("deploy", specification, "--pool", "boxes")
    _, said = run(*to, "--image", "registry.example/bluewater:1", code=7, **where)
    assert "end with their run" in said
    _, said = run(*to, "--platform", "prod", code=7, **where)
    assert "--image" in said
    told = ("--image", "registry.example/bluewater:1", "--variable", "env.FLAG=1")
    run(*to, "--platform", "prod", *told, "--variable", "memory_limit=2Gi", **where)
    for flow in FLOWS:
        found = server.deployment(f"{flow}/small")
        assert found["work_pool_name"] == "boxes"
        assert found["job_variables"] == {
            "image": "registry.example/bluewater:1",
            "env": {"FLAG": "1"},
            "memory_limit": "2Gi",
        }


def test_every_flow_is_in_the_file() -> None:
    assert {entry.flow().name for entry in entries()} >= set(FLOWS)
