"""``python -m benchmarks.soak --minutes 30``: live for half an hour; end with 1 if anything leaks.

Models are released over and over on this machine and on an emulated cloud, under load, with drift
that asks for retrains, machines that are taken back and faults of the cloud. After every round, at
rest, it is counted what our processes hold.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from benchmarks.soak.leaks import growth, table
from benchmarks.soak.samples import Held, sample
from blocks import registry
from blocks.providers.local import processes
from blocks.providers.local.services import LocalServices
from blocks.workspace import HOME, owner_of


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="How long to go on.")
@click.option("--provider", default="aws", show_default=True, help="Which cloud is played.")
def main(minutes: float, provider: str) -> None:
    """Go on for so long; print what leaked, and all figures, as markdown."""
    with tempfile.TemporaryDirectory(prefix="bluewater-soak-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        rounds, rests = _lived(folder, provider, minutes * 60, stack)
        try:
            found = growth(rests)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
    click.echo(_about(minutes, len(rests)))
    for each in rounds:
        for name, count in sorted((each.ends + each.faults).items()):
            click.echo(f"- {each.provider}: {name}: {count:,}")
    click.echo(f"\n{table(found)}")
    leaks = [each for each in found if each.leaks]
    for leak in leaks:
        click.echo(f"LEAK {leak.kind}: {leak.what} {leak.first:.0f} -> {leak.last:.0f}", err=True)
    sys.exit(1 if leaks else 0)


def _lived(
    folder: Path, provider: str, seconds: float, stack: ExitStack
) -> tuple[list[Any], list[Mapping[str, Held]]]:
    """Go round after round; return the platforms, and what was held at each rest."""
    temporary, home = folder / "tmp", folder / "workspace"
    temporary.mkdir()
    os.environ.update({"TMPDIR": str(temporary), HOME: str(home)})
    tempfile.tempdir = None  # as the environment says from here on
    services = LocalServices(home)
    stack.callback(_end, home)
    services.start("prefect")
    os.environ.update(services.prefect_settings())  # before Prefect is imported: it reads them once
    life = import_module("benchmarks.soak.platforms")
    rounds = []
    for name in ("local", provider):
        kind = registry.load(registry.provider(name).rehearsal or "")
        world = stack.enter_context(kind(folder / name))
        told = {key: value for key, value in world.environment().items() if key != HOME}
        os.environ.update(told)
        rounds.append(life.Round(name, world, folder))
        stack.enter_context(rounds[-1].asking())
    rests, end = list[Mapping[str, Held]](), time.monotonic() + seconds
    while time.monotonic() < end:
        for each in rounds:
            each.turn()
        for each in rounds:
            each.rest()
        rests.append(sample([owner_of(home)], temporary))
        click.echo(f"round {len(rests)}: {_word(rests[-1])}", err=True)
    return rounds, rests


def _word(held: Mapping[str, Held]) -> str:
    return "; ".join(
        f"{kind} {each.processes}/{each.files}/{each.sockets}/{each.megabytes:.0f} MB"
        for kind, each in sorted(held.items())
    )


def _about(minutes: float, rounds: int) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("prefect", "mlflow"))
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{packages}; {minutes:g} minutes, {rounds} rounds on each platform; the median of the "
        "first third of the rounds after two, and of the last third\n"
    )


def _end(home: Path) -> None:
    for found in processes.owned(owner_of(home)):
        processes.stop(found.identity, grace=2)


if __name__ == "__main__":
    main()
