"""Drift on data that no limit was fitted to: ``python -m benchmarks.drift.others``.

Tables that scikit-learn brings (measurements of tumours, wines, patients, digits), drawn with
replacement into twenty batches and windows. With wobble, rows are drawn with unequal chances, other
ones for each batch, that move the means of columns by 0.03 standard deviations: the mix of who
comes, which is no drift. Then one column is moved by a quarter of its standard deviation, which is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import click
import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn import datasets

from tasks.drift.alarm import Alarms
from tasks.drift.axes import Axes, axes_of
from tasks.drift.histogram import Floats
from tasks.drift.profile import Profile, Tally
from tasks.drift.reference import ReferenceProfile

BATCHES, WINDOWS, WOBBLE, SHIFT = 20, 3, 0.03, 0.25
SETS = {
    "breast cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
    "digits": datasets.load_digits,
}


class Draws:
    """Batches of one table; with wobble, some rows are likelier in one batch than in another."""

    def __init__(self, table: pd.DataFrame, rows: int, wobble: float, seed: int) -> None:
        self.table, self._rows, self._wobble = table, rows, wobble
        self._random, self.spread = np.random.default_rng(seed), np.asarray(table.std())
        self._standard = np.asarray((table - table.mean()) / self.spread)

    def batch(self, moved: int | None = None) -> pd.DataFrame:
        """Draw rows with replacement; column ``moved`` drifts."""
        rows = self._random.choice(len(self.table), self._rows, p=self._chances())
        found = self.table.iloc[rows].reset_index(drop=True)
        if moved is not None:
            found.iloc[:, moved] += SHIFT * self.spread[moved]
        return found

    def _chances(self) -> Floats:
        """Return the chance of each row: tilted so that means of columns move by the wobble."""
        tilt = self._standard @ self._random.standard_normal(len(self.spread))
        moves = self._standard.T @ tilt / len(tilt)  # of each column, for a small tilt of 1
        chances = np.exp(self._wobble / np.sqrt(np.mean(moves**2)) * tilt)
        return np.asarray(chances / chances.sum(), np.float64)

    def reference(self) -> ReferenceProfile:
        """Profile twenty batches."""
        drawn = [self.batch() for _ in range(BATCHES)]
        axes = axes_of(pa.Table.from_pandas(pd.concat(drawn), preserve_index=False))
        found = {f"b{n:02}": profile(each, axes) for n, each in enumerate(drawn)}
        return ReferenceProfile(axes=axes, batches=found)


def profile(frame: pd.DataFrame, axes: Axes) -> Profile:
    """Count the rows of a batch."""
    tally = Tally(axes)
    tally.add(pa.RecordBatch.from_pandas(frame, preserve_index=False))
    return tally.profile()


def cells(table: pd.DataFrame, rows: int, wobble: float, references: int) -> Iterator[list[bool]]:
    """Yield for each window without drift whether it was called, and so with it, and beside it."""
    table = table.loc[:, table.std() > 0]
    for seed in range(references):
        draws = Draws(table, rows, wobble, seed)
        reference = draws.reference()
        alarms = Alarms(reference)
        for number in range(WINDOWS):
            moved = (seed * WINDOWS + number) % len(draws.spread)
            same, drifted = (
                {
                    each.column
                    for each in alarms.judge(profile(window, reference.axes))
                    if each.alarm
                }
                for window in (draws.batch(), draws.batch(moved))
            )
            name = draws.table.columns[moved]
            yield [bool(same), name in drifted, bool(drifted - {name})]


@click.command()
@click.option("--references", default=34, show_default=True, help="Of each cell; 3 windows each.")
@click.option("--rows", default=10_000, show_default=True, help="Of a batch, and of a window.")
def main(references: int, rows: int) -> None:
    """Print a table as markdown."""
    click.echo("| data | columns | wobble | false alarms, % | power | others called beside it, % |")
    click.echo("|---|---|---|---|---|---|")
    began = time.process_time()
    for name, load in SETS.items():
        table = load(as_frame=True).data
        for wobble in (0.0, WOBBLE):
            found = np.array(list(cells(table, rows, wobble, references)))
            false, hit, beside = found.mean(axis=0)
            click.echo(
                f"| {name} | {table.shape[1]} | {wobble:g} | {100 * false:.1f} of {len(found)} "
                f"windows | {hit:.2f} | {100 * beside:.1f} |"
            )
    click.echo(f"\n{rows:,} rows; {time.process_time() - began:.0f} CPU s.")


if __name__ == "__main__":
    main()
