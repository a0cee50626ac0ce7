"""Commands for before a release: what it would do and cost, how it would go, which data is fine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flows.command_line.options import (
    as_json,
    changes,
    on_platform,
    specification,
    start,
    start_with_prefect,
    suite_file,
)


@click.command()
@specification
@changes
@on_platform
@as_json
def plan(**given: Any) -> None:
    """Check SPECIFICATION; show what a release would do and cost.

    SPECIFICATION is a YAML file. Nothing is started.
    """
    start("plan", given)


@click.command()
@specification
@click.option("--provider", default="local", show_default=True, help="Which provider is played.")
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME", help="Let this happen, too; see --list."
)
@click.option(
    "--spot-trace", type=click.Path(path_type=Path), help="When spot machines are taken back."
)
@click.option(
    "--permissions",
    type=click.Path(path_type=Path, exists=True),
    help="Policy of the provider's own form that the release is held to.",
)
@click.option("--per-second", default=20.0, show_default=True, help="Requests on the endpoint.")
@click.option("--as-written", is_flag=True, help="Keep long steps; else minutes become seconds.")
@click.option("--list", "list_faults", is_flag=True, help="List the provider's faults, and end.")
@changes
@as_json
def rehearse(**given: Any) -> None:
    """Play a release against an emulated provider.

    The version of SPECIFICATION, a YAML file, is released twice: a first time in peace, then under
    load and faults. It needs no account and costs nothing.
    """
    start_with_prefect("rehearse", given)


@click.command()
@click.argument("data")
@click.option("--batch", required=True, help="Column that names the batch of a row, e.g. a week.")
@suite_file
@click.option("--season", type=int, help="Batches after which all that is natural was seen.")
@on_platform
@as_json
def profile(**given: Any) -> None:
    """Derive checks from data that is fine, for you to review.

    DATA is a Parquet file or folder: a path or a URI. Written are a Great Expectations suite, with
    the evidence of each check, and beside it the profile that it comes from.
    """
    start("profile", given)


@click.command()
@click.argument("data")
@suite_file
@click.option("--yes", is_flag=True, help="What this batch breaks is natural: widen the limits.")
@on_platform
@as_json
def accept(**given: Any) -> None:
    """Check a new batch; take what is natural into the suite.

    DATA is a Parquet file or folder. Without --yes nothing is changed; ends with 3 if a check fails
    that would stop a release.
    """
    start("accept", given)


COMMANDS = (plan, rehearse, profile, accept)
