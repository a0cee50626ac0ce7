"""``bluewater down``: stop and remove everything we own."""

from __future__ import annotations

from blocks.contracts import Inventory
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show


@exits()
def run(*, yes: bool, platform_name: str | None, as_json: bool) -> Exit:
    """Stop and remove everything that carries our owner id; leave everything else alone.

    Data, models and reports stay. Without --yes, nothing is touched.
    """
    inventory = platform(platform_name).connect(Inventory)
    rows = []
    for resource in list(inventory.owned()):
        if yes:
            inventory.remove(resource)
        did = "removed" if yes else "would be removed"
        rows.append(
            {"kind": resource.kind, "name": resource.name, "running": resource.running, "done": did}
        )
    title = "Removed" if yes else "Would be removed (use --yes)"
    show(rows, title=title if rows else "Nothing is ours here", as_json=as_json)
    return Exit.OK
