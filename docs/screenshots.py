"""``python -m docs.screenshots``: pictures of the pages that people see, from a server that runs.

Start one with ``bluewater up release.yaml``, and let it release. Pictures are of the newest runs.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from blocks.providers.local.services import LocalServices
from docs.browser import Page, browser

IMAGES = Path(__file__).with_name("images")
COLOURS = 96  # of a picture; pages have few
SIZE = (1360, 900)
TALL = (1360, 1500)
WIDE = (1600, 1500)  # tables of artifacts stand beside what is told of their run
RESUME = (
    "[...document.querySelectorAll('button')].find(e => e.innerText.trim() == 'Resume').click()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A picture to take."""

    name: str
    path: str
    size: tuple[int, int] = SIZE
    script: str = ""  # what to do on the page first


class Server:
    """What the server knows, to find the pages by."""

    def __init__(self, url: str, login: str) -> None:
        user, _, password = login.partition(":")
        self._client = httpx.Client(base_url=f"{url}/api", auth=(user, password), timeout=60)

    def ask(self, path: str, **content: Any) -> list[dict[str, Any]]:
        """Return what a filter finds."""
        return list(self._client.post(path, json=content).raise_for_status().json())

    def newest(self, flow: str, state: str = "COMPLETED") -> dict[str, Any] | None:
        """Return the newest run of a flow that is in a state: that has come to its end well."""
        found = self.ask(
            "/flow_runs/filter",
            flows={"name": {"any_": [flow]}},
            flow_runs={"state": {"type": {"any_": [state]}}},
            sort="START_TIME_DESC",
            limit=1,
        )
        return found[0] if found else None

    def artifact(self, key: str) -> str | None:
        """Return the id of the newest artifact under a key."""
        found = self.ask(
            "/artifacts/filter", artifacts={"key": {"any_": [key]}}, sort="CREATED_DESC", limit=1
        )
        return str(found[0]["id"]) if found else None

    def deployment(self, flow: str) -> str | None:
        """Return the id of a flow's deployment that is filled with a specification."""
        found = self.ask("/deployments/filter", flows={"name": {"any_": [flow]}})
        return next((str(each["id"]) for each in found if each["name"] != "default"), None)


def main() -> None:
    """Take every picture for which there is something to see."""
    parser = argparse.ArgumentParser(prog="python -m docs.screenshots", description=__doc__)
    parser.add_argument("--to", type=Path, default=IMAGES, help="folder of the pictures")
    parser.add_argument("--only", action="append", default=[], help="name of a picture")
    given = parser.parse_args()
    services = LocalServices()
    url, login = services.wait("prefect").url, services.login_file().read_text()
    given.to.mkdir(parents=True, exist_ok=True)
    with browser() as page:
        log_in(page, url, login)
        for shot in shots(Server(url, login)):
            if not given.only or shot.name in given.only:
                file = given.to / f"{shot.name}.png"
                with Image.open(io.BytesIO(taken(page, url, shot))) as picture:
                    picture.convert("RGB").quantize(COLOURS).save(file, optimize=True)
                print(f"{file.name}: {file.stat().st_size / 1024:.0f} KiB")


def shots(server: Server) -> Iterator[Shot]:
    """Yield the pictures of what the server has."""
    yield Shot(name="runs", path="/runs")
    yield Shot(name="deployments", path="/deployments")
    yield Shot(name="automations", path="/automations")
    yield Shot(name="events", path="/events")
    if run := server.newest("release"):
        yield Shot(name="release", path=f"/runs/flow-run/{run['id']}", size=(1360, 1000))
        yield Shot(name="artifacts", path=f"/runs/flow-run/{run['id']}?tab=Artifacts")
    for key in ("rollout", "evaluation", "validation", "costs", "watch", "model", "retrain"):
        if artifact := server.artifact(key):
            yield Shot(name=key, path=f"/artifacts/artifact/{artifact}", size=WIDE)
    if run := server.newest("release", "PAUSED"):
        path = f"/runs/flow-run/{run['id']}"
        yield Shot(name="approval", path=path, size=TALL, script=RESUME)
    if deployment := server.deployment("release"):
        yield Shot(name="form", path=f"/deployments/deployment/{deployment}/run", size=(1360, 740))
    yield Shot(name="platform", path="/blocks/catalog/bluewater-platform/create", size=TALL)


def log_in(page: Page, url: str, login: str) -> None:
    """Put the password where Prefect's page keeps it."""
    page.open(url, size=SIZE)
    kept = json.dumps(base64.b64encode(login.encode()).decode())
    page.evaluate(f"localStorage.setItem('prefect-password', {kept})")


def taken(page: Page, url: str, shot: Shot) -> bytes:
    """Open a page, wait until it rests, and return its picture."""
    page.open(f"{url}{shot.path}", size=shot.size)
    page.wait("document.body.innerText.length > 60", within=60)
    page.settle()
    if shot.script:
        page.evaluate(shot.script)
        page.settle()
    return page.png()


if __name__ == "__main__":
    main()
