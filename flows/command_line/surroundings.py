"""Commands about where releases run: providers, this machine, Prefect servers."""

from __future__ import annotations

import re
from importlib import import_module
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
    watched,
)

TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+")


@click.command()
@click.option("--features", is_flag=True, help="List every feature; this imports the providers.")
@as_json
def providers(**given: Any) -> None:
    """Show which provider offers what."""
    start("providers", given)


@click.command()
@as_json
def doctor(**given: Any) -> None:
    """Show what is missing here, and how to get it.

    Ends with 1 if something is.
    """
    start("doctor", given)


@click.command()
@specification
@click.option(
    "--platform",
    "platform_name",
    default="this-machine",
    show_default=True,
    metavar="NAME",
    help="Name of a saved Prefect block; this one is made if it is not there.",
)
@click.option("--pool", default="bluewater", show_default=True, help="Work pool of Prefect.")
@click.option("--image", default="", help="Image with bluewater in it, for a pool of containers.")
@click.option(
    "--variable",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="What the pool's runs are started with, e.g. cpu=1024 or env.NAME=VALUE.",
)
@watched
@changes
@as_json
def deploy(**given: Any) -> None:
    """Put SPECIFICATION on a Prefect server, for all to run.

    SPECIFICATION is a YAML file. Repeat it after every change of the file.
    """
    start_with_prefect("deploy", given)


def are_topics(
    _context: click.Context, _parameter: click.Parameter, arns: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what names no topic of SNS: nothing would ever be believed."""
    for arn in arns:
        if not TOPIC.fullmatch(arn):
            said = f"{arn!r} is no topic; its ARN is like arn:aws:sns:eu-west-1:123456789012:lake"
            raise click.BadParameter(said)
    return arns


@click.command()
@click.argument("specifications", nargs=-1, type=click.Path(path_type=Path))
@watched
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="ARN",
    callback=are_topics,
    help="The receiver believes what SNS has signed for this topic.",
)
@click.option(
    "--push",
    nargs=2,
    metavar="ACCOUNT AUDIENCE",
    help="The receiver believes Pub/Sub pushes made as this service account, for this audience.",
)
@click.option(
    "--secret-alone", is_flag=True, help="The receiver believes its secret alone, as at first."
)
@as_json
def up(**given: Any) -> None:
    """Start what a machine needs to run deployments by itself.

    That is a Prefect server, a worker, MLflow's page and a receiver for events, all on loopback and
    behind a password, and the deployments of SPECIFICATIONS (YAML files). What runs already is left
    alone, what has died is started again; `down` stops it all. What --topic and --push say holds
    until one of them, or --secret-alone, is given again.
    """
    if given["secret_alone"] and (given["topics"] or given["push"]):
        raise click.UsageError("--secret-alone leaves no --topic and no --push; choose")
    import_module("flows.session").local_server()
    start("up", given)


@click.command()
@click.option("--yes", is_flag=True, help="Do it; without this, only list what would be removed.")
@on_platform
@as_json
def down(**given: Any) -> None:
    """Stop and remove all that we own, here or on a platform.

    Without --platform it is this machine. What does not carry our owner id is left alone. Data,
    models and reports stay. Without --yes, nothing is touched.
    """
    start("down", given)


COMMANDS = (providers, doctor, deploy, up, down)
