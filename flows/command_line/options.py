"""What commands have in common: arguments and options, and how what they do is started."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

specification = click.argument("specification", type=click.Path(path_type=Path))
changes = click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change one field."
)
on_platform = click.option(
    "--platform",
    "platform_name",
    metavar="NAME",
    help="YAML file, or name of a saved Prefect block. Default: this machine alone.",
)
suite_file = click.option(
    "--suite",
    "suite_file",
    default="suite.json",
    show_default=True,
    type=click.Path(path_type=Path),
    help="File of the suite.",
)
watched = click.option(
    "--watch", "cron", metavar="CRON", help="When the watch looks. Default: hourly."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def start(name: str, given: dict[str, Any]) -> None:
    """Do what a command does; it is imported now, so that help costs nothing."""
    import_module(f"flows.commands.{name}").run(**given)


def start_with_prefect(name: str, given: dict[str, Any]) -> None:
    """Do what a command does that runs a flow: Prefect reads its settings once, when imported."""
    with import_module("flows.terminal").errors_end():
        import_module("flows.session").prefect_server()
    command = import_module(f"flows.commands.{name}")
    import_module("flows.console").tell_errors_once()
    command.run(**given)
