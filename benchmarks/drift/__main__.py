"""What drift detection costs, and how often it is right: ``python -m benchmarks.drift --write``."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import click
import psutil

from benchmarks.drift import cost, flights, leaks, packages, quality, validation
from benchmarks.drift.notes import Notes
from benchmarks.drift.picture import Lines, draw
from benchmarks.drift.report import told

FOLDER = Path(__file__).parent
SIZES = (100_000, 1_000_000, cost.LARGE)
PARTS = ("quality", "leaks", "flights", "validation", "cost", "packages")
INTRODUCTION = f"""# Drift: what it costs, and how often it is right

`python -m benchmarks.drift --write` asks whether a window has drifted from a reference: 20 columns
of numbers (normal, skewed, integers, many zeros, times) and 10 of categories (2 to 200 values).
Each contender is a process of its own; Evidently, NannyML, whylogs and Polars in environments of
their own, which the benchmark makes. Reading counts, imports do not; memory is that of the whole
process and of what it starts.

False alarms and power are found in a world with known truth. A reference has 20 batches of as many
rows as a window; with wobble, each column of each batch and window is moved by
{quality.WOBBLE:g} standard deviations, at random, which is no drift. Counts are drawn instead of
rows; that both are the same is shown below. Rules of others are rebuilt from their documentation;
below, the packages themselves judge rows. What leaks drifts a little more in each of
{leaks.WINDOWS} windows; a rule that calls windows without a leak is early by no merit. Missing
values matter from 1 %, which ten windows of .1 points reach.

Tables of scikit-learn, to which nothing was fitted, are in [OTHERS.md](OTHERS.md).

![CPU seconds, memory, false alarms](drift.svg)
"""


@click.command()
@click.option("--rows", multiple=True, type=int, default=SIZES, show_default=True)
@click.option("--references", default=84, show_default=True, help="Of each cell; 3 windows each.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), default=PARTS)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(".bluewater/benchmarks/drift"),
    show_default=True,
    help="Data files, environments and what was measured; remove it to measure again.",
)
@click.option("--write", is_flag=True, help="Write README.md and the picture beside this file.")
def main(
    rows: tuple[int, ...], references: int, only: tuple[str, ...], folder: Path, write: bool
) -> None:
    """Measure what is not measured yet; print the tables as markdown."""
    place = folder.resolve()
    place.mkdir(parents=True, exist_ok=True)
    notes = Notes(place / "notes.json")
    if "quality" in only:
        quality.measure(notes, references)
    if "leaks" in only:
        leaks.measure(notes, min(references, leaks.REFERENCES))
    if "flights" in only:
        flights.measure(notes)
    if "validation" in only:
        validation.measure(place, notes)
    if "cost" in only:
        cost.measure(place, notes, rows)
    if "packages" in only:
        packages.measure(place, notes, references=5, windows=2)
    text = "\n".join([_machine(), *told(notes, SIZES)])
    click.echo(text)
    if write:
        (FOLDER / "README.md").write_text(f"{INTRODUCTION}\n{text}\n")
        draw(_costs(notes, "cpu"), _costs(notes, "peak"), _called(notes), FOLDER / "drift.svg")


def _costs(notes: Notes, key: str) -> Lines:
    found = {
        name: [(n, notes.cell("cost", name, n)[key]) for n in SIZES if notes.has("cost", name, n)]
        for name in ("ours, stored reference", *(n for n in cost.ORDER if "stored" not in n))
    }
    return {name: points for name, points in found.items() if points}


def _called(notes: Notes) -> Lines:
    """Return per cent of windows with wobble."""
    columns = [(rows, quality.WOBBLE) for rows in quality.FALSE_ROWS]
    cells = {
        name: {column[0]: notes.cell("false", name, column) for column in columns}
        for name in quality.NAMES
    }
    return {
        name: [(n, 100 * each["called"] / each["windows"]) for n, each in found.items() if each]
        for name, found in cells.items()
    }


def _machine() -> str:
    versions = ", ".join(
        f"{name} {version(name)}"
        for name in ("numpy", "pyarrow", "scipy", "duckdb", "great-expectations")
    )
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Python "
        f"{platform.python_version()}, {versions}; peers: Evidently 0.7.23, NannyML 0.13.1, "
        "whylogs 1.6.4, Polars 2.1.0."
    )


if __name__ == "__main__":
    main()
