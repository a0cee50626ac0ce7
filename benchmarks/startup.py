"""How long commands take to start: ``python -m benchmarks.startup [--rounds 7]``.

Each command is a process of its own; the first round warms the disk's cache. Wall and CPU seconds
are medians; the modules that may not be imported are counted by the process itself.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import click

CONNECT = """
import sys
from blocks.contracts import TrainingJobs
from blocks.registry import connect
jobs = connect(sys.argv[1], TrainingJobs)
if hasattr(jobs, "account"):
    jobs.account.model_copy(update={"region": "us-east-1"}).client("sagemaker")
"""
BIN = Path(sys.executable).parent
COMMANDS = (
    ("python -c pass", [sys.executable, "-c", "pass"]),
    ("bluewater --help", [str(BIN / "bluewater"), "--help"]),
    ("bluewater release --help", [str(BIN / "bluewater"), "release", "--help"]),
    ("bluewater providers", [str(BIN / "bluewater"), "providers"]),
    ("bluewater doctor", [str(BIN / "bluewater"), "doctor"]),
    ("import prefect.blocks.core", [sys.executable, "-c", "import prefect.blocks.core"]),
    ("connect local-training", [sys.executable, "-c", CONNECT, "local-training"]),
    ("connect aws-training, a client made", [sys.executable, "-c", CONNECT, "aws-training"]),
    ("prefect --help", [str(BIN / "prefect"), "--help"]),
    ("mlflow --help", [str(BIN / "mlflow"), "--help"]),
)


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Times that each command runs.")
def main(rounds: int) -> None:
    """Print wall and CPU seconds of each command, as markdown."""
    found: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds + 1):
        for name, command in COMMANDS:
            measured = _measured(command)
            if number:
                found.setdefault(name, []).append(measured)
    packages = ", ".join(f"{name} {version(name)}" for name in ("prefect", "mlflow", "click"))
    click.echo(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{packages}; median of {rounds} rounds\n"
    )
    click.echo("| command | wall s | CPU s |\n|---|---:|---:|")
    for name, values in found.items():
        wall, cpu = (statistics.median(column) for column in zip(*values, strict=True))
        click.echo(f"| `{name}` | {wall:.2f} | {cpu:.2f} |")


def _measured(command: list[str]) -> tuple[float, float]:
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall, after = time.perf_counter() - began, os.times()
    spent = after.children_user + after.children_system
    return wall, spent - before.children_user - before.children_system


if __name__ == "__main__":
    main()
