"""``bluewater rollout``: bring a registered version to an endpoint, step by step."""

from __future__ import annotations

from pathlib import Path

import click

from flows.exits import Exit
from flows.rollout import rollout
from flows.session import on_platform, platform
from flows.terminal import as_json, exits, tell_rollout
from tasks.rollout.journal import RolloutInProgress, TakenUp
from tasks.specification.loading import load


@click.command(short_help="Bring a registered version to an endpoint, step by step.")
@click.argument("specification", type=click.Path(path_type=Path))
@click.option("--version", required=True, help="Version in the registry.")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change one field.")
@click.option("--run", default="", help="Go on with the rollout of this run.")
@on_platform
@as_json
@exits((RolloutInProgress, Exit.BUSY), (TakenUp, Exit.BUSY))
def command(
    *,
    specification: Path,
    version: str,
    changes: tuple[str, ...],
    run: str,
    platform_name: str | None,
    as_json: bool,
) -> Exit:
    """Bring a registered version to the endpoint of SPECIFICATION (a YAML file)."""
    spec = load(specification, changes=changes)
    report = rollout(platform(platform_name), spec, version, run=run)
    tell_rollout(report, as_json=as_json)
    return Exit.OK if report.live else Exit.RETURNED
