"""What the router of an endpoint adds to an answer, at half load.

    python -m benchmarks.serving.router [--seconds 60] [--rounds 5] [--arrivals even] [--instant]

One server, asked through the router and past it in turn, evenly spaced or at random times, each
way over a few connections. Both meet the same queue, so the difference is the router's. Together
they ask at half of the pace that the server alone keeps up with, first when it is asked over one
connection and answers one by one, then over a few, when it merges what waits and the machine's two
cores have nothing left for anybody. Told are p50 and p99 of all rounds, and the difference with
what 95 % of resampled moments (bootstrap over blocks of a second) give. ``--instant`` serves
a model that takes no time, where the router is not hidden behind the model.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.serving.servers import (
    ask,
    ask_all,
    endpoint,
    machine,
    make,
    versions,
    write_bodies,
)
from blocks.testing.models import make_model

Floats = NDArray[np.float64]
CONNECTIONS = 4
QUANTILES = (0.5, 0.99)
DRAWS = 1000


def measure(
    ports: tuple[int, int], body: Path, rounds: int, seconds: float, *, over: int, arrivals: str
) -> tuple[float, list[Floats]]:
    """Return the pace and the milliseconds of each stream, through the router and past it.

    ``over`` are the connections over which the server alone shows what its whole load is.
    """
    for port in ports:
        ask(port, body, CONNECTIONS, 2.0)  # not counted: whatever is slow only once
    pace = ask(ports[1], body, over, 5.0)["per_second"] / 2
    seen = [
        ask_all(ports, body, CONNECTIONS, seconds, pace=pace, arrivals=arrivals)
        for _ in range(rounds)
    ]
    return pace, [np.concatenate([each[port]["ms"] for each in seen]) for port in ports]


def interval(routed: Floats, bare: Floats, quantile: float, pace: float) -> tuple[float, float]:
    """Return a 95 % interval of the difference of a quantile; answers of a second stay together."""
    random, size = np.random.default_rng(0), max(int(pace / 2), 1)
    blocks = [np.array_split(each, max(len(each) // size, 1)) for each in (routed, bare)]
    count = min(map(len, blocks))
    found = []
    for _ in range(DRAWS):
        drawn = random.integers(0, count, count)
        one, other = (np.concatenate([each[i] for i in drawn]) for each in blocks)
        found.append(np.quantile(one, quantile) - np.quantile(other, quantile))
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def show(pace: float, routed: Floats, bare: Floats) -> None:
    """Print both streams and their difference."""
    title = f"one row a request, {pace:.0f} requests a second; {machine()}; {versions()}"
    table = Table(title=title)
    for heading in ("", "through the router, ms", "past it, ms", "difference", "95 %"):
        table.add_column(heading, justify="right")
    for quantile in QUANTILES:
        one, other = np.quantile(routed, quantile), np.quantile(bare, quantile)
        low, high = interval(routed, bare, quantile, pace)
        table.add_row(
            f"p{quantile * 100:g}",
            *(f"{one:.2f}", f"{other:.2f}", f"{one - other:+.2f}", f"{low:+.2f} to {high:+.2f}"),
        )
    table.add_row("requests", f"{len(routed):,}", f"{len(bare):,}", "", "")
    Console().print(table)


@click.command()
@click.option("--seconds", default=60.0, help="Length of each round.")
@click.option("--rounds", default=5, help="Rounds.")
@click.option("--arrivals", type=click.Choice(["even", "random"]), default="even")
@click.option("--instant", is_flag=True, help="A model that takes no time.")
def main(seconds: float, rounds: int, arrivals: str, instant: bool) -> None:
    """Measure what the router adds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if instant:
            make_model(place / "model", kind="threshold")
            body = place / "1.json"
            body.write_text(json.dumps({"dataframe_records": [{"x": 0.3, "n": 1}]}))
        else:
            body = write_bodies(place, make(place), [1])[1]
        with endpoint(place) as ports:
            for over in (1, CONNECTIONS):
                pace, (routed, bare) = measure(
                    ports, body, rounds, seconds, over=over, arrivals=arrivals
                )
                show(pace, routed, bare)


if __name__ == "__main__":
    main()
