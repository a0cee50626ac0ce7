"""Somebody says yes on Prefect's page, in a real browser: with the mouse and the keyboard."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.testing.waiting import until
from docs.browser import NAMES, Page, browser
from docs.screenshots import log_in
from flows.exits import Exit
from tests.chains.command import run_json, start
from tests.chains.project import make_project
from tests.chains.server import Server

BUTTON = "[...document.querySelectorAll('button')].find(each => each.innerText.trim() === '{}')"
FIELD = (
    "[...document.querySelectorAll('.schema-form-property')]"
    ".find(each => each.innerText.startsWith('{}'))?.querySelector('{}')"
)
WAIT = ("--set", "approval.within=PT1H")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not any(map(shutil.which, NAMES)), reason=f"none of {', '.join(NAMES)} is installed"
    ),
]


def waits(server: Server) -> str:
    """Return the run that is paused, once one is."""
    paused = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
    until(lambda: server.ask("POST", "/flow_runs/filter", paused), within=300, every=1)
    return str(server.ask("POST", "/flow_runs/filter", paused)[0]["id"])


def fill_in(page: Page, *, by: str, why: str) -> str:
    """Press Resume, fill the form in and submit it; return what the form says to who decides."""
    page.click(BUTTON.format("Resume"))
    page.click(FIELD.format("Approve", ".p-toggle__control"))
    for label, text in {"By": by, "Why": why}.items():
        page.click(FIELD.format(label, "textarea"))
        page.write(text)
    said = str(page.evaluate("document.body.innerText"))
    page.click(BUTTON.format("Submit"))
    return said


def test_a_version_gets_traffic_after_a_yes_in_the_browser(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    server, url = Server.in_force(), prefect_api.removesuffix("/api")
    world: dict[str, Any] = {"workspace": workspace, "api": prefect_api}
    endpoints = LocalEndpoints(machine=LocalMachine(workspace=workspace))
    specification = str(make_project(tmp_path / "project"))
    release = start("release", specification, *WAIT, "--run", "only", **world)
    id_ = waits(server)
    assert endpoints.variants("small") == []
    with browser() as page:
        log_in(page, url, server.login)
        page.open(f"{url}/runs/flow-run/{id_}", size=(1360, 1000))
        said = fill_in(page, by="ann", why="looked at it in the browser")
        until(lambda: server.run(id_)["state_type"] != "PAUSED", within=120, every=0.5)
    assert "Shall small get traffic?" in said
    assert "Area under the ROC curve" in said
    out, errors = release.communicate(timeout=400)
    assert release.returncode == Exit.OK, errors[-3000:] + out[-1000:]
    assert dict(endpoints.traffic("small").percent) == {"v1": 100}
    [line] = [each for each in run_json("audit", **world) if each["act"] == "approval"]
    assert (line["who"], line["why"]) == ("ann", "looked at it in the browser")
    assert line["what"] == "version 1 may have traffic"
