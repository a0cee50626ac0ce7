"""``bluewater batch``: score a data set with a registered version."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from flows.batch import batch
from flows.exits import Exit
from flows.session import on_platform, platform
from flows.terminal import as_json, exits, show


@click.command(short_help="Score a data set with a registered version.")
@click.argument("model")
@click.option("--data", required=True, help="Parquet file or folder: a path or a URI.")
@click.option("--output", required=True, help="Folder for the predictions: a path or a URI.")
@click.option("--alias", default="champion", show_default=True, help="Which version.")
@click.option("--machine", default="local.medium", show_default=True, help="Machine type.")
@click.option("--run", default="", help="Go on with the job of this run.")
@on_platform
@as_json
@exits()
def command(
    *,
    model: str,
    data: str,
    output: str,
    alias: str,
    machine: str,
    run: str,
    platform_name: str | None,
    as_json: bool,
) -> Exit:
    """Score every row of a data set with the version of MODEL that an alias means."""
    result = batch(
        platform(platform_name),
        model,
        _uri(data),
        _uri(output),
        machine=machine,
        alias=alias,
        run=run,
    )
    show([result.model_dump()], title="Predictions", as_json=as_json)
    return Exit.OK


def _uri(place: str) -> str:
    return place if urlsplit(place).scheme else Path(place).absolute().as_uri()
