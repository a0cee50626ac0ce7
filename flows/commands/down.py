"""``bluewater down``: stop and remove everything we own."""

from __future__ import annotations

import click

from blocks.contracts import Inventory
from flows.exits import Exit
from flows.session import on_platform, platform
from flows.terminal import as_json, exits, show


@click.command(short_help="Stop and remove everything we own.")
@click.option("--yes", is_flag=True, help="Do it; without this, only list what would be removed.")
@on_platform
@as_json
@exits()
def command(*, yes: bool, platform_name: str | None, as_json: bool) -> Exit:
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
