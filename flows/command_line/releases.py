"""Commands that move a model: towards production, back, and to use."""

from __future__ import annotations

from typing import Any

import click

from flows.command_line.options import (
    as_json,
    changes,
    on_platform,
    specification,
    start,
    start_with_prefect,
)


@click.command()
@specification
@changes
@click.option("--run", default="", help="Go on with the run of this name, or begin one.")
@on_platform
@as_json
def release(**given: Any) -> None:
    """Take a model from data to production.

    SPECIFICATION is a YAML file. Run again after a crash, it goes on where it was.
    """
    start_with_prefect("release", given)


@click.command()
@specification
@click.option("--version", required=True, help="Version in the registry.")
@changes
@click.option("--run", default="", help="Go on with the rollout of this run.")
@on_platform
@as_json
def rollout(**given: Any) -> None:
    """Bring a registered version to an endpoint, step by step.

    The endpoint is the one of SPECIFICATION, a YAML file.
    """
    start_with_prefect("rollout", given)


@click.command()
@click.argument("run", required=False)
@click.option("--no", is_flag=True, help="Say no; the version stays registered.")
@click.option("--why", default="", help="Reason that is kept with the run.")
@on_platform
@as_json
def approve(**given: Any) -> None:
    """Let the version of a run that waits have traffic.

    Without RUN, list the runs that wait. The first answer counts, whichever way it came.
    """
    start("approve", given)


@click.command()
@click.argument("endpoint")
@click.option("--why", default="asked by hand", help="Reason that the journal keeps.")
@on_platform
@as_json
def rollback(**given: Any) -> None:
    """Return ENDPOINT, and its alias, to the version before.

    In the middle of a rollout this ends it; whoever drives it stops.
    """
    start_with_prefect("rollback", given)


@click.command()
@specification
@changes
@on_platform
@as_json
def watch(**given: Any) -> None:
    """Look for drift in live traffic; ask for a retrain.

    Looks once at the endpoint of SPECIFICATION, a YAML file. Ends with 10 if a retrain is asked.
    """
    start_with_prefect("watch", given)


@click.command()
@click.argument("model")
@click.option("--data", required=True, help="Parquet file or folder: a path or a URI.")
@click.option("--output", required=True, help="Folder for the predictions: a path or a URI.")
@click.option("--alias", default="champion", show_default=True, help="Which version.")
@click.option("--machine", default="local.medium", show_default=True, help="Machine type.")
@click.option("--spot", is_flag=True, help="Use a machine that may be taken back.")
@click.option(
    "--max-hours",
    type=click.FloatRange(0, 8760, min_open=True),
    default=12.0,
    show_default=True,
    help="Longest time of the job.",
)
@click.option("--run", default="", help="Go on with the job of this run.")
@on_platform
@as_json
def batch(**given: Any) -> None:
    """Score a data set with the version of MODEL that an alias means.

    Asked again, it goes on where it was cut off; new data or another output are a new run.
    """
    start_with_prefect("batch", given)


COMMANDS = (release, rollout, approve, rollback, watch, batch)
