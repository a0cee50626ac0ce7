"""Which rule blocks a good model, and lets a bad slice pass: ``python -m benchmarks.gates``."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
from scipy.stats import binomtest

from benchmarks.gates.deciders import OTHERS, Found, look, ours
from benchmarks.gates.picture import draw
from benchmarks.gates.worlds import EDGE, FINE, HARMED, MARGIN, World

FOLDER = Path(__file__).parent
OURS = "bluewater"
INTRODUCTION = f"""# Gates: who blocks a good model, and who lets a bad slice pass

`python -m benchmarks.gates --write` draws slices on which the true loss of the challenger is known
(binormal scores, the champion's area .75, noise shared to 80 %; 50 to 20,000 rows a slice), and
asks each rule whether the challenger may serve. The accepted loss is {MARGIN:g} of area. Rules that
know no third answer pass what they do not fail. Peers are rebuilt from their documentation.

![Blocked although fine, and caught](gates.svg)
"""


class Score:
    """What one rule did in one world."""

    def __init__(self) -> None:
        self.repetitions = self.blocked = self.caught = self.slices = self.passed = 0

    def add(self, found: Found, world: World) -> None:
        """Count one set of slices."""
        harmed = {f"slice {number}" for number in range(world.harmed)}
        self.repetitions += 1
        self.blocked += bool(found.failed)
        self.caught += bool(found.failed & harmed)
        self.slices += len(world.sizes)
        self.passed += len(found.passed)


Table = dict[str, dict[str, Score]]  # by rule, by world


@click.command()
@click.option("--repetitions", default=200, show_default=True)
@click.option("--write", is_flag=True, help="Write README.md and the picture beside this file.")
def main(repetitions: int, write: bool) -> None:
    """Print three tables as markdown."""
    began = time.process_time()
    table: Table = {}
    for seed, world in enumerate((*FINE, *HARMED, *EDGE)):
        random = np.random.default_rng(seed)
        for _ in range(repetitions):
            for rule, found in _asked(world, random).items():
                score = table.setdefault(rule, {}).setdefault(world.name, Score())
                score.add(found, world)
        click.echo(f"{world.name}: done", err=True)
    text = "\n".join(_told(table, repetitions, time.process_time() - began))
    click.echo(text)
    if write:
        (FOLDER / "README.md").write_text(f"{INTRODUCTION}\n{text}\n")
        draw(
            {rule: _rates(table, rule) for rule in table},
            [world.name for world in FINE],
            [world.name for world in HARMED],
            FOLDER / "gates.svg",
        )


def _asked(world: World, random: np.random.Generator) -> dict[str, Found]:
    samples = world.draw(random)
    seen = look(samples)
    every = frozenset(each.name for each in seen)
    others = {rule: failed(seen) for rule, failed in OTHERS.items()}
    return {
        OURS: ours(samples),
        **{rule: Found(failed=bad, passed=every - bad) for rule, bad in others.items()},
    }


def _rates(table: Table, rule: str) -> dict[str, float]:
    """Return the share blocked of each world that is fine, and caught of each that is not."""
    fine = {world.name: _share(table[rule][world.name], "blocked") for world in FINE}
    return fine | {world.name: _share(table[rule][world.name], "caught") for world in HARMED}


def _share(score: Score, what: str) -> float:
    counted: int = getattr(score, what)
    return counted / (score.slices if what == "passed" else score.repetitions)


def _told(table: Table, repetitions: int, seconds: float) -> list[str]:
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    parts = (
        ("The challenger is fine, and blocked, %", FINE, "blocked"),
        ("The slice that is harmed is caught, %", HARMED, "caught"),
        ("Slices that lose the margin or more, and pass, %", EDGE, "passed"),
    )
    told = [
        f"{platform.machine()}, Python {platform.python_version()}, {versions}; {repetitions} "
        f"repetitions of each world ({seconds:.0f} CPU s in all). In brackets: 95 % intervals "
        "(Wilson).",
    ]
    for title, worlds, what in parts:
        told += ["", f"**{title}**", "", *_grid(table, worlds, what)]
    return told


def _grid(table: Table, worlds: Sequence[World], what: str) -> list[str]:
    head = "|  | " + " | ".join(world.name for world in worlds) + " |"
    lines = [head, "|" + "---|" * (len(worlds) + 1)]
    for rule, by_world in table.items():
        cells = [_cell(by_world[world.name], what) for world in worlds]
        lines.append(f"| {rule} | " + " | ".join(cells) + " |")
    return lines


def _cell(score: Score, what: str) -> str:
    counted: int = getattr(score, what)
    of = score.slices if what == "passed" else score.repetitions
    low, high = binomtest(counted, of).proportion_ci(method="wilson")
    return f"{100 * counted / of:.1f} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
