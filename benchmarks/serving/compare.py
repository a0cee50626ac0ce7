"""An endpoint beside ``mlflow models serve``: the flights model, the same rows.

    python -m benchmarks.serving.compare [--seconds 4] [--rounds 3] [--json]

Both run all the time; every round asks one after the other, so that what else the machine does
falls on all. The endpoint is asked through its router and past it, too. The table has the median of
the rounds.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import click
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.serving.servers import (
    ask,
    endpoint,
    free_port,
    machine,
    make,
    running,
    versions,
    write_bodies,
)

ROWS, CONNECTIONS = (1, 100), (1, 16)
ROUTED, BARE, THEIRS = (
    "endpoint (router and server)",
    "its server, past the router",
    "mlflow models serve",
)


def memory(process: psutil.Process) -> float:
    """Return megabytes of the process and all below it."""
    every = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in every) / 2**20


def measure(place: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Run all servers and ask them in turn."""
    bodies, port = write_bodies(place, make(place), ROWS), free_port()
    mlflow = ["mlflow", "models", "serve", "--env-manager", "local"]
    mlflow += ["--model-uri", str(place / "model"), "--port", str(port)]
    found: dict[str, Any] = {"load": []}
    with running(mlflow, port, place / "mlflow.log") as (process, took), endpoint(place) as ours:
        ports = {ROUTED: ours[0], BARE: ours[1], THEIRS: port}
        for name, rows in product(ports, ROWS):
            ask(ports[name], bodies[rows], 4, 1.0)  # not counted: whatever is slow only once
        for rows, connections in product(ROWS, CONNECTIONS):
            seen: dict[str, list[dict[str, Any]]] = {name: [] for name in ports}
            for _, name in product(range(rounds), ports):
                seen[name].append(ask(ports[name], bodies[rows], connections, seconds))
            found["load"].append({"rows": rows, "connections": connections, **medians(seen)})
        found["theirs"] = {"start_seconds": took, "megabytes": memory(process)}
    return found


def medians(seen: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    figures = ("per_second", "p50_ms", "p99_ms")
    return {
        name: {figure: statistics.median(each[figure] for each in rounds) for figure in figures}
        for name, rounds in seen.items()
    }


def show(found: dict[str, Any]) -> None:
    table = Table(title=f"{found['machine']}; {found['versions']}")
    for heading in ("rows", "connections", "server", "req/s", "p50 ms", "p99 ms", "times"):
        table.add_column(heading, justify="left" if heading == "server" else "right")
    for load in found["load"]:
        for name in (ROUTED, BARE, THEIRS):
            seen = load[name]
            ratio = seen["per_second"] / load[THEIRS]["per_second"]
            table.add_row(
                *(str(load["rows"]), str(load["connections"]), name),
                *(f"{seen['per_second']:.1f}", f"{seen['p50_ms']:.1f}", f"{seen['p99_ms']:.1f}"),
                f"{ratio:.1f}",
            )
    console = Console()
    console.print(table)
    start, size = found["theirs"]["start_seconds"], found["theirs"]["megabytes"]
    console.print(f"{THEIRS}: answers after {start:.1f} s, {size:.0f} MB")


@click.command()
@click.option("--seconds", default=4.0, help="Length of each measurement.")
@click.option("--rounds", default=3, help="Measurements of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(seconds: float, rounds: int, as_json: bool) -> None:
    """Compare the model server with MLflow's."""
    with tempfile.TemporaryDirectory() as place:
        found = measure(Path(place), rounds, seconds)
    found["machine"], found["versions"] = machine(), versions()
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        show(found)


if __name__ == "__main__":
    main()
