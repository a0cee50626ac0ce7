"""``bluewater watch``: look for drift in live traffic."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markdown import Markdown

from flows.exits import Exit
from flows.session import platform
from flows.terminal import console, exits
from flows.watch import watch
from tasks.processing.job import ProcessingFailed
from tasks.specification.loading import load


@exits((ProcessingFailed, Exit.PROVIDER))
def run(
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
