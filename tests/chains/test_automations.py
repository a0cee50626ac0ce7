"""What the server does by itself: start killed runs again, notice dead ones, end stuck rollouts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.testing.waiting import until
from deployments import automations
from deployments.deploy import deploy
from tasks.rollout.driver import ENDED, MOVED
from tasks.specification.loading import load
from tasks.specification.spec import ReleaseSpec
from tests.chains.project import make_project
from tests.chains.server import Server

SHORT = timedelta(seconds=12)  # Prefect takes no proactive trigger below 10 s
SOON = {"deploy_within": "PT1S", "patience": "PT1S", "bake": "PT1S", "step_duration": "PT1S"}


@pytest.fixture
def server(prefect_api: str) -> Iterator[Server]:
    server = Server.in_force()
    here = {PREFECT_API_URL: prefect_api, PREFECT_API_AUTH_STRING: server.login}
    with temporary_settings(here):
        yield server


def small(folder: Path, name: str, **rollout: str) -> ReleaseSpec:
    changes = [f"name={name}", f"rollout.endpoint={name}"]
    changes += [f"rollout.{field}={value}" for field, value in rollout.items()]
    return load(make_project(folder), changes=changes)


def to_state(server: Server, run: str, kind: str) -> None:
    state = {"state": {"type": kind, "name": kind.capitalize()}, "force": True}
    server.ask("POST", f"/flow_runs/{run}/set_state", state)


def tell(server: Server, event: str, endpoint: str) -> None:
    told = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event,
        "resource": {"prefect.resource.id": f"bluewater.endpoint.{endpoint}"},
        "payload": {},
    }
    server.ask("POST", "/events", [told])


def beat(server: Server, run: dict[str, Any]) -> None:
    told = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run['id']}"},
        "related": [
            {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}
            for tag in run["tags"]
        ],
    }
    server.ask("POST", "/events", [told])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_run_is_scheduled_again_three_times(server: Server, tmp_path: Path) -> None:
    deploy(small(tmp_path / "project", "killed"))
    run = server.start("release/killed")
    for count in (1, 2, 3):
        to_state(server, run, "RUNNING")
        assert server.run(run)["run_count"] == count
        to_state(server, run, "CRASHED")
        until(lambda: server.run(run)["state_name"] == "AwaitingRetry", within=180, every=1)
    to_state(server, run, "RUNNING")
    to_state(server, run, "CRASHED")
    with pytest.raises(TimeoutError):
        until(lambda: server.run(run)["state_type"] != "CRASHED", within=45, every=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_whose_machine_is_gone_counts_as_crashed(server: Server, tmp_path: Path) -> None:
    deploy(small(tmp_path / "project", "gone"))
    automations.ensure(automations.notice_dead(SHORT))
    run = server.start("watch/gone")
    to_state(server, run, "RUNNING")
    beat(server, server.run(run))
    until(lambda: server.run(run)["state_type"] == "CRASHED", within=180, every=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_rollout_that_nobody_drives_is_returned(server: Server, tmp_path: Path) -> None:
    made = {name: small(tmp_path / name, name, **SOON) for name in ("stuck", "done")}
    for name, spec in made.items():
        rollback = next(each.id for each in deploy(spec) if each.name == f"rollback/{name}")
        assert isinstance(rollback, UUID)
        wanted = automations.return_stuck(spec.rollout, rollback, margin=SHORT)
        assert wanted is not None
        automations.ensure(wanted)
        tell(server, MOVED, name)
    tell(server, ENDED, "done")
    until(lambda: server.runs("rollback/stuck"), within=180, every=1)
    (returns,) = server.runs("rollback/stuck")
    assert returns["parameters"]["unfinished_only"] is True
    assert returns["parameters"]["endpoint"] == "stuck"
    assert server.runs("rollback/done") == []


def test_a_rollout_that_may_hold_as_long_as_it_likes_is_never_stuck(tmp_path: Path) -> None:
    spec = small(tmp_path / "project", "patient", on_little_traffic="hold")
    assert automations.return_stuck(spec.rollout, uuid4()) is None
