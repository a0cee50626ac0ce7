"""The command line from a first release to an empty machine, as a user runs it."""

from __future__ import annotations

import inspect
import os
import re
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import httpx
import pandas as pd
import pytest

from blocks.contracts import Unavailable
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.batch_jobs import BatchFolder, Ended
from blocks.providers.local.jobs import Started
from blocks.providers.local.store import LocalStore
from blocks.workspace import owner_of
from flows.cli import bluewater
from flows.exits import Exit
from tasks.batch.record import a_scoring
from tasks.batch.turns import Turn, take_turn
from tests.chains.command import ROOT, run, run_json
from tests.chains.project import make_project

COMMANDS = tuple(bluewater.commands)


def latest_page(api: str, key: str) -> str:
    user, _, password = os.environ["PREFECT_API_AUTH_STRING"].partition(":")
    found = httpx.get(f"{api}/artifacts/{key}/latest", auth=(user, password))
    return str(found.raise_for_status().json()["data"])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_release_twice_return_and_take_down(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    specification = str(make_project(tmp_path / "project"))
    world = {"workspace": workspace, "api": prefect_api}
    plan = run_json("plan", specification, **world)  # type: ignore[arg-type]
    assert [line["stage"] for line in plan] == [
        *("validate", "train", "evaluate", "register", "roll out", "serve", "in all"),
    ]
    first = run_json("release", specification, **world)  # type: ignore[arg-type]
    assert first["rollout"]["outcome"] == "live"
    better = ("--set", 'training.parameters={slope: "0.6"}')
    second = run_json("release", specification, *better, **world)  # type: ignore[arg-type]
    assert second["model"]["version"] == "2"

    for key in ("evaluation", "rollout"):
        page = latest_page(prefect_api, key)
        assert "data:image/png;base64," in page, f"{key} has no picture"
        assert "](file:" not in page, f"{key} names a picture that no browser opens"

    status = run_json("status", **world)  # type: ignore[arg-type]
    assert next(row["state"] for row in status if row["kind"] == "endpoint") == "v2 100 %"
    back = run_json("rollback", "small", **world)  # type: ignore[arg-type]
    assert (back["outcome"], back["model"]["version"]) == ("live", "1")
    status = run_json("status", **world)  # type: ignore[arg-type]
    assert next(row["state"] for row in status if row["kind"] == "endpoint") == "v1 100 %"

    score_twice_then_new_data(tmp_path, world)
    score_where_another_was_cut_off(tmp_path, world)

    would = run_json("down", **world)  # type: ignore[arg-type]
    assert {row["done"] for row in would} == {"would be removed"}
    run("down", "--yes", **world)  # type: ignore[arg-type]
    assert list(processes.owned(owner_of(workspace))) == []


def score_twice_then_new_data(tmp_path: Path, world: dict[str, Any]) -> None:
    """The same data are scored once; other data at the same place again."""
    data, jobs = tmp_path / "new.parquet", world["workspace"] / "batch"
    rows = pd.read_parquet(tmp_path / "project" / "holdout.parquet")
    rows.to_parquet(data)
    to = ("--output", str(tmp_path / "scores"), "--machine", "local.small")
    for count in (len(rows), len(rows), 100):
        if count < len(rows):
            rows.head(count).to_parquet(data)
        told = run_json("batch", "small", "--data", str(data), *to, **world)
        assert [row["rows"] for row in told] == [count]
        assert len(pd.read_parquet(tmp_path / "scores" / data.name)["prediction"]) == count
    assert len([each for each in jobs.iterdir() if each.is_dir()]) == 2


def score_where_another_was_cut_off(tmp_path: Path, world: dict[str, Any]) -> None:
    """A run that has the turn, and lost its process, is finished before another writes there."""
    store = LocalStore(machine=LocalMachine(workspace=world["workspace"]))
    *_, last = sorted(each.uri for each in store.walk(f"{store.root}/turns"))
    request = Turn.model_validate_json(store.read(last)).request
    rows = pd.read_parquet(tmp_path / "project" / "holdout.parquet")
    for name, count in (("earlier", 10), ("later", 20)):
        rows.head(count).to_parquet(tmp_path / f"{name}.parquet")
    earlier = request.model_copy(update={"data_uri": (tmp_path / "earlier.parquet").as_uri()})
    with pytest.raises(Unavailable), a_scoring(store, "earlier", earlier):
        take_turn(store, "earlier", earlier, finish=lambda _: None)
        raise Unavailable("killed")
    to = ("--output", str(tmp_path / "scores"), "--machine", "local.small")
    [told] = run_json("batch", "small", "--data", str(tmp_path / "later.parquet"), *to, **world)
    assert told["rows"] == 20
    folders = BatchFolder.below(world["workspace"] / "batch")
    jobs = sorted(((folder.read(Started), folder.read(Ended)) for folder in folders), key=_started)
    (_, first), (second, _) = jobs[-2:]
    assert first is not None
    assert second is not None
    assert first.result is not None
    assert first.result.rows == 10
    assert first.at <= second.at


def _started(job: tuple[Started | None, Ended | None]) -> datetime:
    assert job[0] is not None
    return job[0].at


@pytest.mark.slow
def test_bad_data_ends_with_its_own_code_and_trains_nothing(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    specification = make_project(tmp_path / "project")
    suite = tmp_path / "project" / "suite.json"
    suite.write_text(suite.read_text().replace('"max_value": 1', '"max_value": 0.5'))
    _, errors = run(
        "release", str(specification), workspace=workspace, api=prefect_api, code=Exit.DATA
    )
    assert "expect_column_values_to_be_between x" in errors
    assert not (workspace / "jobs").exists() or not list((workspace / "jobs").iterdir())


def test_every_problem_of_a_specification_is_told_at_once(tmp_path: Path, workspace: Path) -> None:
    specification = str(make_project(tmp_path / "project"))
    changes = {
        "rollout.steps=[1, 5]": "must rise",
        "rollout.bakee=PT1M": "remove it, or correct its spelling",
        "training.max_duration=10 parsecs": "ISO 8601",
        'data.slices=["group", "planet"]': "no such column",
        "rollout.machine=local.enormous": "no price is known",
        "data.holdout=s3://elsewhere/holdout.parquet": "give a file:// URI",
        "validation.suite=nowhere.json": "nothing is there",
        "training.nodes=2": "one node only",
        "rollout.serving.token_secret=never-set": "BLUEWATER_SECRET_NEVER_SET",
    }
    words = [word for change in changes for word in ("--set", change)]
    _, errors = run("plan", specification, *words, workspace=workspace, api="", code=Exit.USAGE)
    told = errors.splitlines()
    for change, remedy in changes.items():
        field, _, value = change.partition("=")
        value = value.strip('[]"').split('"')[-1]
        assert any(field in line and value in line and remedy in line for line in told), change
    assert "Traceback" not in errors


def test_what_cannot_be_mended_by_a_default_is_told_alone(tmp_path: Path, workspace: Path) -> None:
    specification = make_project(tmp_path / "project")
    specification.write_text(specification.read_text().replace("label: label", "lable: label"))
    _, errors = run("plan", str(specification), workspace=workspace, api="", code=Exit.USAGE)
    assert "data.label = (nothing)" in errors
    assert "data.lable = 'label'" in errors


def test_commands_in_the_readme_exist() -> None:
    named = set(re.findall(r"^bluewater (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert named
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_just_what_is_declared(name: str) -> None:
    declared = {str(each.name) for each in bluewater.commands[name].params}
    taken = inspect.signature(import_module(f"flows.commands.{name}").run).parameters
    assert declared == set(taken)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_line_and_tells_about_every_option(name: str) -> None:
    command = bluewater.commands[name]
    assert "..." not in command.get_short_help_str(limit=65)
    assert all(each.help for each in command.params if isinstance(each, click.Option))


def test_providers_and_doctor_say_what_is_here(workspace: Path) -> None:
    rows = run_json("providers", workspace=workspace, api="")
    offers = {row["provider"]: row["capabilities"] for row in rows}
    assert {"training", "endpoints"} <= set(offers["local"]) & set(offers["aws"])
    assert offers["aws-ec2"] == ["training", "prices", "inventory"]
    features = run_json("providers", "--features", workspace=workspace, api="")
    assert {
        "provider": "local",
        "capability": "endpoints",
        "feature": "mirror",
        "value": "yes",
    } in (features)
    found = run_json("doctor", workspace=workspace, api="")
    assert {row["state"] for row in found} == {"ok"}
