"""``bluewater watch``: look for drift in live traffic."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markdown import Markdown

from flows.exits import Exit
from flows.session import on_platform, platform
from flows.terminal import as_json, console, exits
from flows.watch import watch
from tasks.specification.loading import load


@click.command(short_help="Look for drift in live traffic; ask for a retrain where it matters.")
@click.argument("specification", type=click.Path(path_type=Path))
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change one field.")
@on_platform
@as_json
@exits()
def command(
    *, specification: Path, changes: tuple[str, ...], platform_name: str | None, as_json: bool
) -> Exit:
    """Look once at the endpoint of SPECIFICATION (a YAML file). Ends with 10 for a retrain."""
    spec = load(specification, changes=changes)
    report = watch(platform(platform_name), spec.rollout.endpoint, spec.watch)
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        console.print(Markdown(report.markdown()))
    return Exit.RETRAIN if report.request else Exit.OK
