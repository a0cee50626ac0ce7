"""What orchestration costs: ``python -m benchmarks.overhead [--rounds 5]``.

The release, in a world in which every provider answers at once, beside the same ten steps as bare
Prefect tasks and as plain Python. All three run in one process against one Prefect server, in
turns. What the release's own stages do on 200 rows (Great Expectations, evaluation, plots) is in
its figure, and is shown apart.
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import psutil

from blocks.providers.local import processes
from blocks.providers.local.services import LocalServices
from blocks.workspace import owner_of

STEPS = (
    *("check", "validate", "train", "settle", "evaluate"),
    *("profile", "register", "deploy", "shift", "promote"),
)


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Times that each contender runs.")
def main(rounds: int) -> None:
    """Print wall and CPU seconds of each contender, as markdown."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "pages"
        pages = LocalServices(home)
        pages.start("prefect")
        os.environ.update(pages.prefect_settings())  # before its import
        os.environ["PREFECT_LOGGING_LEVEL"] = "ERROR"
        try:
            _compare(Path(folder), rounds)
        finally:
            for found in processes.owned(owner_of(home)):
                processes.stop(found.identity, grace=2)


def _compare(folder: Path, rounds: int) -> None:
    from benchmarks.overhead.contenders import contenders, stages  # noqa: PLC0415 - reads the URL

    found: dict[str, list[tuple[float, float]]] = {}
    parts: list[dict[str, float]] = []
    for number in range(rounds + 1):
        for name, run in contenders(folder / str(number), STEPS).items():
            measured = _measured(run)
            if number:  # the first round warms up
                found.setdefault(name, []).append(measured)
        if number:
            parts.append(stages())
    memory = psutil.virtual_memory().total >> 30
    click.echo(
        f"{platform.machine()}, {os.cpu_count()} cores, {memory} GiB, Python "
        f"{platform.python_version()}, prefect {version('prefect')}; median of {rounds} rounds\n"
    )
    click.echo("| the same ten steps as | wall s | CPU s of the flow's process |\n|---|---:|---:|")
    for name, values in found.items():
        wall, cpu = (statistics.median(column) for column in zip(*values, strict=True))
        click.echo(f"| {name} | {wall:.3f} | {cpu:.3f} |")
    click.echo("\n| stage of the release | wall s |\n|---|---:|")
    for name in parts[0]:
        click.echo(f"| {name} | {statistics.median(each[name] for each in parts):.3f} |")


def _measured(run: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
