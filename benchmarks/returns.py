"""From a bad version's first live request to its last: ``python -m benchmarks.returns``.

Real rollouts on this machine's endpoint, at 50 requests a second, in steps of two minutes at 5, 25,
50 and 95 %, without a shadow stage before them, which would have seen most of it.
Told are the seconds from the first request on green to the verdict, from the verdict to the moment
when green has no traffic, and how many callers were given to green meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import click

from blocks.contracts import RunKey, Window
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.models import LocalModels
from blocks.providers.local.monitor import LocalMonitor
from blocks.providers.local.store import LocalStore
from blocks.testing.models import make_model
from tasks.rollout.driver import Ports
from tasks.rollout.journal import Event
from tasks.rollout.report import RolloutReport
from tasks.rollout.spec import RolloutSpec
from tasks.rollout.stage import roll_out

KINDS = {
    "broken": "fails every request",
    "shifted": "predicts otherwise",
    "flaky": "fails 2 % of requests",
    "slow": "answers 2 % of requests 50 ms later",
}
ROW = {"dataframe_records": [{"x": 0.3, "n": 1}]}
PER_SECOND, CONNECTIONS = 50.0, 4
HEAD = (
    "| green | seconds to the verdict | and to no traffic | requests on green | failed | why |\n"
    "|---|---|---|---|---|---|"
)


class World:
    """An endpoint on which a healthy version has all the traffic."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = LocalMachine(workspace=folder / "workspace")
        self.ports = Ports(
            endpoints=LocalEndpoints(machine=self.machine),
            monitor=LocalMonitor(machine=self.machine),
            models=LocalModels(machine=self.machine),
            store=LocalStore(machine=self.machine),
        )
        (folder / "row.json").write_text(json.dumps(ROW))

    def roll_out(self, kind: str) -> RolloutReport:
        """Roll out a model of that kind; the first has nobody beside it."""
        draft = make_model(self.folder / kind, kind=kind)
        model = self.ports.models.register(draft, key=RunKey(run=kind, step="register"))
        spec = RolloutSpec(
            endpoint="bench",
            machine="local.small",
            smoke_request=(self.folder / "row.json").as_uri(),
            shadow=None,
            steps=(5, 25, 50, 95, 100),
            step_duration=timedelta(minutes=2),
            look_every=timedelta(seconds=1),
            bake=timedelta(seconds=1),
        )
        return roll_out.fn(self.ports, spec, model, alias="champion", run=f"to-{kind}")

    @contextlib.contextmanager
    def callers(self, url: str) -> Iterator[None]:
        """Keep asking."""
        command = [sys.executable, "-m", "benchmarks.serving.load", "--seconds", "36000"]
        command += ["--port", str(urlsplit(url).port), "--body", str(self.folder / "row.json")]
        command += ["--connections", str(CONNECTIONS), "--pace", str(PER_SECOND)]
        process = subprocess.Popen(command)
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def row(self, kind: str, report: RolloutReport) -> str:
        """Return a line of the table."""
        at = {entry.event: entry.at for entry in reversed(report.journal)}  # the first of each
        if report.live:
            return f"| {KINDS[kind]} | never | | | | {report.why} |"
        if Event.STEP not in at:
            return f"| {KINDS[kind]} | before any | | 0 | 0 | {report.why} |"
        first, verdict, back = at[Event.STEP], at[Event.RETURNING], at[Event.RETURNED]
        ticks = self.ports.monitor.ticks("bench", Window(start=first, end=back))
        begun = next(entry for entry in report.journal if entry.event is Event.BEGUN)
        name = begun.green.variant if begun.green else ""
        green = [tick for tick in ticks if tick.variant == name and not tick.mirrored]
        asked, failed = (sum(t.requests for t in green), sum(t.errors for t in green))
        return (
            f"| {KINDS[kind]} | {(verdict - first).total_seconds():.1f} | "
            f"{(back - verdict).total_seconds():.1f} | {asked:,} | {failed:,} | {report.why} |"
        )


@click.command()
@click.option("--only", type=click.Choice(list(KINDS)), multiple=True, help="These alone.")
def main(only: tuple[str, ...]) -> None:
    """Print how long each kind of bad version stays, as markdown."""
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place))
        try:
            first = world.roll_out("threshold")
            with world.callers(first.url):
                rows = [world.row(kind, world.roll_out(kind)) for kind in only or KINDS]
        finally:
            for found in list(processes.owned(world.machine.owner)):
                processes.stop(found.identity, grace=1)
    versions = ", ".join(f"{name} {version(name)}" for name in ("mlflow", "uvicorn"))
    click.echo(f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}\n")
    click.echo("\n".join([HEAD, *rows]))


if __name__ == "__main__":
    main()
