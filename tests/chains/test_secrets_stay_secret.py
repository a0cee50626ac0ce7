"""Secrets that are planted in blocks and in the store are looked for in everything that is kept."""

from __future__ import annotations

import base64
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from blocks.providers.local import processes
from blocks.providers.local.services import LocalServices
from blocks.workspace import owner_of
from tests.chains.command import ROOT, start
from tests.chains.secrets_project import BELIEVED, make_secret_project

SAVE = """
import os
from pydantic import SecretStr
from blocks.providers.aws.account import AwsAccount
AwsAccount(
    region="us-east-1", bucket="nowhere", endpoint_url="http://127.0.0.1:9",
    access_key_id=SecretStr(os.environ["PLANT_KEY"]),
    secret_access_key=SecretStr(os.environ["PLANT_SECRET"]),
    session_token=SecretStr(os.environ["PLANT_SESSION"]),
).save("planted", overwrite=True)
"""


@pytest.fixture
def planted() -> Mapping[str, str]:
    """Return secrets that nothing else in the world contains."""
    names = ("key", "secret", "session", "database", "endpoint")
    return {name: f"planted-{name}-{secrets.token_hex(12)}" for name in names}


@pytest.fixture
def environment(workspace: Path, planted: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Return what processes are told: a server of this workspace, and the secrets."""
    pages = LocalServices(workspace)
    pages.start("prefect")
    settings = {**pages.prefect_settings()}
    yield {
        **settings,
        "PREFECT_HOME": str(workspace / "client"),
        "BLUEWATER_HOME": str(workspace),
        "BLUEWATER_LOG_JSON": str(workspace / "log"),
        "BLUEWATER_SECRET_DATABASE": planted["database"],
        "BLUEWATER_SECRET_ENDPOINT": planted["endpoint"],
        "PLANT_KEY": planted["key"],
        "PLANT_SECRET": planted["secret"],
        "PLANT_SESSION": planted["session"],
    }
    for found in processes.owned(owner_of(workspace)):
        processes.stop(found.identity, grace=2)


def forms(secret: str) -> list[bytes]:
    """Return what a secret looks like as it is, and inside of anything that is base64."""
    found = [secret.encode()]
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + secret.encode())
        found.append(whole[4:-4])  # what does not depend on its neighbours
    return found


def leaks(folder: Path, planted: Mapping[str, str]) -> list[str]:
    """Return which secret is in which file below a folder."""
    found = []
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = file.read_bytes()
        found += [
            f"{name} in {file.relative_to(folder)}"
            for name, secret in planted.items()
            if any(form in content for form in forms(secret))
        ]
    return found


def told_in_commands(workspace: Path, planted: Mapping[str, str]) -> list[str]:
    """Return processes of ours whose command line, which everybody may read, holds a secret."""
    found = []
    for each in processes.owned(owner_of(workspace)):
        try:
            line = " ".join(psutil.Process(each.identity.pid).cmdline())
        except psutil.NoSuchProcess:
            continue
        found += [line for secret in planted.values() if secret in line]
    return found


def everything_told(environment: Mapping[str, str]) -> str:
    """Return what the server tells over its API of runs, logs, artifacts, events and blocks."""
    user, _, password = environment["PREFECT_API_AUTH_STRING"].partition(":")
    paths = ("flow_runs", "task_runs", "logs", "artifacts", "block_documents", "variables")
    with httpx.Client(base_url=environment["PREFECT_API_URL"], auth=(user, password)) as client:
        told = [client.post(f"/{path}/filter", json={}).text for path in paths]
        told.append(client.post("/events/filter", json={}).text)
    return "\n".join(told)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_secret_is_in_anything_that_is_kept_or_told(
    tmp_path: Path, workspace: Path, planted: Mapping[str, str], environment: dict[str, str]
) -> None:
    whole = {**os.environ, **environment}

    def python(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            check=False,
            cwd=ROOT,
            env=whole,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    python("-c", SAVE)
    said = python("-m", "tests.chains.secrets_project", "planted")
    assert BELIEVED in said
    specification = make_secret_project(tmp_path / "project")
    told = {name: value for name, value in environment.items() if name != "BLUEWATER_HOME"}
    api = told.pop("PREFECT_API_URL")
    where: dict[str, Any] = {"workspace": workspace, "api": api, **told}
    release = start("release", str(specification), "--run", "one", **where)
    out, errors = release.communicate(timeout=1200)
    assert release.returncode == 0, errors[-3000:]
    assert told_in_commands(workspace, planted) == []
    answers = everything_told(environment)
    for found in processes.owned(owner_of(workspace)):  # the server writes what it still holds
        processes.stop(found.identity, grace=20)

    database = workspace / "prefect" / "prefect.db"
    with sqlite3.connect(database) as opened:  # what is in the log of the database goes into it
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    public = {"marker": BELIEVED}
    kept = leaks(workspace, public)
    assert "marker in prefect/prefect.db" in kept, "what is looked for would not be found"
    assert "marker in log" in kept
    assert BELIEVED in answers
    assert leaks(workspace, planted) == []
    assert leaks(tmp_path / "project", planted) == []
    for name, secret in planted.items():
        assert secret not in said + out + errors + answers, f"{name} was told"
