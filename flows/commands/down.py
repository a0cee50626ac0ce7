"""``bluewater down``: stop and remove everything we own on a platform."""

from __future__ import annotations

from collections.abc import Iterator

from blocks.contracts import Inventory
from flows.exits import Exit
from flows.inventories import inventories
from flows.session import platform
from flows.terminal import exits, show


@exits()
def run(*, yes: bool, platform_name: str | None, as_json: bool) -> Exit:
    """Stop and remove everything that carries our owner id; leave everything else alone.

    Data, models and reports stay. Without --yes, nothing is touched. Ends with 1 where an inventory
    of the platform could not be connected: what it has stays.
    """
    found, unseen = inventories(platform(platform_name))
    rows = [row for inventory in found.values() for row in _removed(inventory, yes=yes)]
    rows += [_row("inventory", ref, running=False, done="could not be connected") for ref in unseen]
    title = "Removed" if yes else "Would be removed (use --yes)"
    show(rows, title=title if rows else "Nothing is ours here", as_json=as_json)
    return Exit.ERROR if unseen else Exit.OK


def _removed(inventory: Inventory, *, yes: bool) -> Iterator[dict[str, object]]:
    for resource in list(inventory.owned()):
        if yes:
            inventory.remove(resource)
        did = "removed" if yes else "would be removed"
        yield _row(resource.kind, resource.name, running=resource.running, done=did)


def _row(kind: str, name: str, *, running: bool, done: str) -> dict[str, object]:
    return {"kind": kind, "name": name, "running": running, "done": done}
