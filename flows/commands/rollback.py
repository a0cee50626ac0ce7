"""``bluewater rollback``: return an endpoint to the version before."""

from __future__ import annotations

import click

from flows.exits import Exit
from flows.rollout import rollback
from flows.session import on_platform, platform
from flows.terminal import as_json, exits, tell_rollout
from tasks.rollout.journal import TakenUp


@click.command(short_help="Return an endpoint, and its alias, to the version before.")
@click.argument("endpoint")
@click.option("--why", default="asked by hand", help="Reason that the journal keeps.")
@on_platform
@as_json
@exits((TakenUp, Exit.BUSY))
def command(*, endpoint: str, why: str, platform_name: str | None, as_json: bool) -> Exit:
    """Return ENDPOINT, and the registry's alias, to the version before.

    In the middle of a rollout this ends it; whoever drives it stops.
    """
    report = rollback(platform(platform_name), endpoint, why=why)
    tell_rollout(report, as_json=as_json)
    return Exit.OK
