"""Commands that show what there is, what was done, and what is left behind."""

from __future__ import annotations

from typing import Any

import click

from flows.command_line.options import as_json, on_platform, start


@click.command()
@on_platform
@as_json
def status(**given: Any) -> None:
    """Show who has the traffic, what was decided, and what runs."""
    start("status", given)


@click.command()
@click.option("--yes", is_flag=True, help="Remove the orphans; without this, only list them.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="grace, abandoned_after, checkpoints_kept or captures_kept, e.g. grace=PT6H.",
)
@click.option("--why", default="asked by hand", help="Reason that the audit log keeps.")
@on_platform
@as_json
def sweep(**given: Any) -> None:
    """List what exists against what should.

    Orphans are shown with age and money a day: variants without traffic, jobs without a run,
    checkpoints without a future, old captures. Without --yes, nothing is touched.
    """
    start("sweep", given)


@click.command()
@click.option("--verify", "check", is_flag=True, help="Check that no line was changed or removed.")
@click.option("--head", default="", help="Digest that --verify told before; implies --verify.")
@click.option("--newest", default=50, show_default=True, help="How many lines to show.")
@on_platform
@as_json
def audit(**given: Any) -> None:
    """Show who moved what, and why; or check that nothing was changed.

    With --verify, ends with 11 if a line was changed, removed or put in from outside.
    """
    start("audit", given)


COMMANDS = (status, sweep, audit)
