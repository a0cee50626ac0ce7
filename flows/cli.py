"""The command line: ``bluewater``.

All of its commands and options are declared here; what a command does is in ``flows.commands`` and
imported when it is called, so that help costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from flows.exits import Exit

EPILOG = "\n".join(
    ["\b", "Exit codes:", *(f"  {int(exit_)}  {exit_.meaning}" for exit_ in Exit)],
)

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


class InOrder(click.Group):
    """A group that lists its commands as they are declared: in the order of a model's life."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their declaration."""
        return list(self.commands)


@click.group(cls=InOrder, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bluewater")
def bluewater() -> None:
    """One Prefect flow that takes a model from data to production, on any cloud."""


@bluewater.command()
@specification
@changes
@click.option("--run", default="", help="Go on with the run of this name, or begin one.")
@on_platform
@as_json
def release(**given: Any) -> None:
    """Take a model from data to production.

    SPECIFICATION is a YAML file. Run again after a crash, it goes on where it was.
    """
    _with_prefect("release", given)


@bluewater.command()
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
    _with_prefect("rollout", given)


@bluewater.command()
@click.argument("run", required=False)
@click.option("--no", is_flag=True, help="Say no; the version stays registered.")
@click.option("--why", default="", help="Reason that is kept with the run.")
@on_platform
@as_json
def approve(**given: Any) -> None:
    """Let the version of a run that waits have traffic.

    Without RUN, list the runs that wait. The first answer counts, whichever way it came.
    """
    _run("approve", given)


@bluewater.command()
@click.argument("endpoint")
@click.option("--why", default="asked by hand", help="Reason that the journal keeps.")
@on_platform
@as_json
def rollback(**given: Any) -> None:
    """Return ENDPOINT, and its alias, to the version before.

    In the middle of a rollout this ends it; whoever drives it stops.
    """
    _with_prefect("rollback", given)


@bluewater.command()
@specification
@changes
@on_platform
@as_json
def watch(**given: Any) -> None:
    """Look for drift in live traffic; ask for a retrain.

    Looks once at the endpoint of SPECIFICATION, a YAML file. Ends with 10 if a retrain is asked.
    """
    _with_prefect("watch", given)


@bluewater.command()
@click.argument("model")
@click.option("--data", required=True, help="Parquet file or folder: a path or a URI.")
@click.option("--output", required=True, help="Folder for the predictions: a path or a URI.")
@click.option("--alias", default="champion", show_default=True, help="Which version.")
@click.option("--machine", default="local.medium", show_default=True, help="Machine type.")
@click.option("--run", default="", help="Go on with the job of this run.")
@on_platform
@as_json
def batch(**given: Any) -> None:
    """Score a data set with the version of MODEL that an alias means."""
    _with_prefect("batch", given)


@bluewater.command()
@on_platform
@as_json
def status(**given: Any) -> None:
    """Show who has the traffic, what was decided, and what runs."""
    _run("status", given)


@bluewater.command()
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
    _run("sweep", given)


@bluewater.command()
@click.option("--verify", "check", is_flag=True, help="Check that no line was changed or removed.")
@click.option("--head", default="", help="Digest that --verify told before; implies --verify.")
@click.option("--newest", default=50, show_default=True, help="How many lines to show.")
@on_platform
@as_json
def audit(**given: Any) -> None:
    """Show who moved what, and why; or check that nothing was changed.

    With --verify, ends with 11 if a line was changed, removed or put in from outside.
    """
    _run("audit", given)


@bluewater.command()
@specification
@changes
@on_platform
@as_json
def plan(**given: Any) -> None:
    """Check SPECIFICATION; show what a release would do and cost.

    SPECIFICATION is a YAML file. Nothing is started.
    """
    _run("plan", given)


@bluewater.command()
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
    _with_prefect("rehearse", given)


@bluewater.command()
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
    _run("profile", given)


@bluewater.command()
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
    _run("accept", given)


@bluewater.command()
@click.option("--features", is_flag=True, help="List every feature; this imports the providers.")
@as_json
def providers(**given: Any) -> None:
    """Show which provider offers what."""
    _run("providers", given)


@bluewater.command()
@as_json
def doctor(**given: Any) -> None:
    """Show what is missing here, and how to get it.

    Ends with 1 if something is.
    """
    _run("doctor", given)


@bluewater.command()
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
@watched
@changes
@as_json
def deploy(**given: Any) -> None:
    """Put SPECIFICATION on a Prefect server, for all to run.

    SPECIFICATION is a YAML file. Repeat it after every change of the file.
    """
    _with_prefect("deploy", given)


@bluewater.command()
@click.argument("specifications", nargs=-1, type=click.Path(path_type=Path))
@watched
@as_json
def up(**given: Any) -> None:
    """Start what a machine needs to run deployments by itself.

    That is a Prefect server, a worker, MLflow's page and a receiver for events, all on loopback and
    behind a password, and the deployments of SPECIFICATIONS (YAML files). What runs already is left
    alone, what has died is started again; `down` stops it all.
    """
    import_module("flows.session").local_server()
    _run("up", given)


@bluewater.command()
@click.option("--yes", is_flag=True, help="Do it; without this, only list what would be removed.")
@on_platform
@as_json
def down(**given: Any) -> None:
    """Stop and remove all that we own, here or on a platform.

    Without --platform it is this machine. What does not carry our owner id is left alone. Data,
    models and reports stay. Without --yes, nothing is touched.
    """
    _run("down", given)


def main() -> None:
    """Run the command line. Known errors end with a message and a code, never with a traceback."""
    try:
        bluewater.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(int(Exit.STOPPED))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


def _with_prefect(name: str, given: dict[str, Any]) -> None:
    """Run a command that runs a flow. Prefect reads its settings once, when it is imported."""
    import_module("flows.session").prefect_server()
    _run(name, given)


def _run(name: str, given: dict[str, Any]) -> None:
    import_module(f"flows.commands.{name}").run(**given)


if __name__ == "__main__":
    main()
