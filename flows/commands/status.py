"""``bluewater status``: what is live, what is running, and what was decided."""

from __future__ import annotations

from collections.abc import Iterator

from blocks.contracts import Endpoints, Inventory, ObjectStore
from blocks.platform import Platform
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show
from tasks.rollout.journal import Journal, is_open


@exits()
def run(*, platform_name: str | None, as_json: bool) -> Exit:
    """Show the endpoints with who has their traffic, and everything of ours that runs."""
    here = platform(platform_name)
    rows = [*_endpoints(here), *_resources(here)]
    show(rows, title="Status" if rows else "Nothing is ours here", as_json=as_json)
    return Exit.OK


def _endpoints(here: Platform) -> Iterator[dict[str, str]]:
    store, endpoints = here.connect(ObjectStore), here.connect(Endpoints)
    prefix = f"{store.root}/rollouts/"
    names = dict.fromkeys(
        each.uri.removeprefix(prefix).partition("/")[0] for each in store.walk(prefix)
    )
    for name in names:
        traffic = endpoints.traffic(name)
        entries = Journal(store, name, by="status").current()
        going = f"rollout of run {entries[0].run} is open: " if is_open(entries) else ""
        shares = ", ".join(f"{who} {share} %" for who, share in traffic.percent.items())
        last = f"{entries[-1].event} {entries[-1].why}".strip() if entries else "nothing yet"
        yield {
            "kind": "endpoint",
            "name": name,
            "state": shares or "no traffic",
            "detail": f"{going}{last}",
        }


def _resources(here: Platform) -> Iterator[dict[str, str]]:
    for resource in here.connect(Inventory).owned():
        if resource.running:
            yield {
                "kind": resource.kind,
                "name": resource.name,
                "state": f"running since {resource.created:%Y-%m-%d %H:%M:%S}",
                "detail": resource.detail,
            }
