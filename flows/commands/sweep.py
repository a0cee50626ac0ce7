"""``bluewater sweep``: what nobody wants any more, and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from flows.exits import Exit
from flows.session import platform
from flows.sweep import to_places
from flows.terminal import exits, show, warn
from tasks.audit.entries import this_process
from tasks.sweep.removal import sweep_places
from tasks.sweep.spec import SweepSpec


@exits()
def run(
    *, yes: bool, changes: tuple[str, ...], why: str, platform_name: str | None, as_json: bool
) -> Exit:
    """List what exists against what should; with --yes, remove what was left behind."""
    given = dict(each.partition("=")[::2] for each in changes)
    try:
        spec = SweepSpec.model_validate(given)
    except ValueError as error:
        raise click.UsageError(f"--set: {error}") from error
    places, unseen = to_places(platform(platform_name))
    report = sweep_places(
        places, spec, now=datetime.now(UTC), remove=yes, who=this_process(), why=why, unseen=unseen
    )
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        show(report.table(), title=report.title, as_json=False)
        for each in report.removed:
            click.echo(f"removed {each}")
        if report.orphans and not yes:
            click.echo("nothing was removed; with --yes, what is an orphan goes")
        for each in (*report.failed, *report.unseen):
            warn("error", each)
    return Exit.PROVIDER if report.failed or report.unseen else Exit.OK
