"""Who returns what is worse, and who what is not: ``python -m benchmarks.rollout [--write]``."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import psutil

from benchmarks.rollout import oracle
from benchmarks.rollout.contest import OURS, Score, contest
from benchmarks.rollout.costs import ROLLOUTS, RUNS, Spent, costs
from benchmarks.rollout.picture import draw
from benchmarks.rollout.worlds import SAME, TRIVIAL, WORSE, World

FOLDER = Path(__file__).parent
ALPHA, MARGIN = 0.05, 0.05
TABLES = FOLDER / "tables"
ORDER = ("50-0", "50-100", "50-200", "5-0", "5-100", "500-0")
# the last world was added later: seeds of those before stay
WORLDS = (*SAME[:5], TRIVIAL, *WORSE, *SAME[5:])
BARS = (5000, 700, 150, 20, 1100, 200, 1300, 300, 2300, 1100)  # at 50 requests a second
LATE = "bluewater, not warmed up: 90 s of latency not judged (an eighth of the repetitions)"
WIDE = "bluewater, 5 % worse accepted (an eighth of the repetitions)"

Table = dict[str, dict[str, Score]]  # by decider, by world


@click.command()
@click.option("--repetitions", default=400, show_default=True)
@click.option("--rate", default=50.0, show_default=True, help="Requests a second.")
@click.option("--seed", default=0, show_default=True, help="Added to the seed of each world.")
@click.option("--alone", is_flag=True, help="Without the rules of others.")
@click.option("--same", is_flag=True, help="Only versions that are no worse.")
@click.option("--write", is_flag=True, help="Write the tables, README.md and the picture.")
def main(*, repetitions: int, rate: float, seed: int, alone: bool, same: bool, write: bool) -> None:
    """Print two tables as markdown: false returns, and requests on green before the return."""
    began = time.process_time()
    table = _contested(repetitions, rate, seed, alone=alone, same=same)
    title = f"## {rate:g} requests a second{f', fresh seeds (+{seed})' if seed else ''}\n"
    spent = time.process_time() - began
    text = "\n".join([title, *_told(table, repetitions, rate, seed, spent), ""])
    click.echo(text)
    if write:
        (TABLES / f"{rate:g}-{seed}.md").write_text(text)
        found = [file.read_text() for name in ORDER if (file := TABLES / f"{name}.md").exists()]
        (FOLDER / "README.md").write_text("\n".join([INTRODUCTION, *found]))
    if write and rate == 50 and not seed:
        draw(table, [world.name for world in WORSE], FOLDER / "exposed.svg")


def _contested(repetitions: int, rate: float, first: int, *, alone: bool, same: bool) -> Table:
    table: Table = {}
    for seed, world in enumerate(WORLDS, start=first):
        if same and world in WORSE:
            continue
        margin = MARGIN if world is TRIVIAL else 0.0
        found = contest(
            world,
            rate=rate,
            repetitions=repetitions,
            margin=margin,
            warmed=not world.cold,
            seed=seed,
            beside=not alone,
        )
        for name, score in found.items():
            table.setdefault(name, {})[world.name] = score
        for name, other, warmed in ((WIDE, MARGIN, True), (LATE, 0.0, False)):
            if world in WORSE and not alone:
                score = contest(
                    world,
                    rate=rate,
                    repetitions=max(repetitions // 8, 1),
                    margin=other,
                    warmed=warmed,
                    seed=seed,
                    beside=False,
                )[OURS]
                table.setdefault(name, {})[world.name] = score
        ours = found[OURS]
        click.echo(f"{world.name}: {ours.returned} of {ours.rollouts} returned", err=True)
    return table


def _told(table: Table, repetitions: int, rate: float, seed: int, seconds: float) -> Sequence[str]:
    healthy = (*SAME, TRIVIAL)
    return [
        f"{_machine()}; {repetitions} repetitions of each world at {rate:g} requests a second "
        f"({seconds:.0f} CPU s in all).\n",
        "**Rollouts of a version that is no worse that were returned, %**\n",
        *_rows([name for name in table if name not in (WIDE, LATE)], healthy, table, _returned),
        *(_worse(table, rate) if WORSE[0].name in table[OURS] else []),
        "",
        _costs(table, rate, seed),
    ]


def _worse(table: Table, rate: float) -> Sequence[str]:
    return [
        "\n**Mean requests on green since the regression began, over all rollouts (% caught)**\n",
        *_rows(list(table), WORSE, table, _exposed),
        _row("the limit: a test that knows the effect", [_limit(world) for world in WORSE]),
        *([_row("bar", [f"{bar:,}" for bar in BARS])] if rate == 50 else []),
    ]


def _costs(table: Table, rate: float, seed: int) -> str:
    """Return what the statistics cost, and how many were shown to be no worse."""
    same = [table[OURS][world.name] for world in SAME]
    found, (load, *_) = costs(rate=rate, seed=seed), psutil.getloadavg()
    return (
        f"CPU of a whole rollout's statistics (bar: 10 ms), decided at each of 480 ticks: "
        f"{_milliseconds(found.decided)}; with a full report at each of them "
        f"{_milliseconds(found.reported)}; as the flow looks, through the monitor's contract and "
        f"with the points of its picture, {_milliseconds(found.looked)}. "
        f"The load was {load:.0f} on {psutil.cpu_count()} cores. "
        "Shown to be no worse within it: "
        f"{100 * sum(s.certified for s in same) / sum(s.rollouts for s in same):.0f} % of the "
        "versions that are the same."
    )


def _milliseconds(spent: Spent) -> str:
    return (
        f"{spent.least:.1f} ms (the least of {RUNS} runs, on average over {ROLLOUTS} rollouts; "
        f"all runs {spent.quickest:.1f} to {spent.slowest:.1f})"
    )


def _rows(
    names: Sequence[str], worlds: Sequence[World], table: Table, cell: Callable[[Score | None], str]
) -> Sequence[str]:
    head = [_row("", [world.name for world in worlds]), "|---" * (len(worlds) + 1) + "|"]
    return head + [
        _row(name, [cell(table[name].get(world.name)) for world in worlds]) for name in names
    ]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _returned(score: Score | None) -> str:
    return "" if score is None else f"{100 * score.returned / score.rollouts:.1f}"


def _exposed(score: Score | None) -> str:
    if score is None:
        return ""
    return f"{np.mean(score.exposed):,.0f} ({100 * score.returned / score.rollouts:.0f})"


def _limit(world: World) -> str:
    return f"{oracle.least(world, alpha=ALPHA):,.0f}"


def _machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Python "
        f"{sys.version.split()[0]}, {versions}"
    )


INTRODUCTION = """# Rollouts: who returns what is worse, and who what is not

`python -m benchmarks.rollout --write` simulates rollouts in four steps of ten minutes (5, 25, 50,
95 percent), with a daily cycle, load noise and incidents that both variants share, and lets our
engine, which looks at every tick, and the rules of others decide. Peers are rebuilt from their
documentation. Ours runs at a promised 5 % of false returns; no worse versions are accepted (margin
0), except in the last column of the first table, where up to 5 % worse is. Green was warmed up
before, except in the cold start, where ours judges latency after 90 s only. Sticky users are new
ones in every tick, or come back, a few of them always in trouble. CPU is told without reading
the ticks and without Python's garbage collection.

![Requests on green before the return](exposed.svg)
"""


if __name__ == "__main__":
    main()
