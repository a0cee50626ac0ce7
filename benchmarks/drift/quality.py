"""How often drift is called without, and with, drift: ``python -m benchmarks.drift.quality``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import click

from benchmarks.drift.rules import RULES
from benchmarks.drift.world import DRIFTS, World
from tasks.drift.alarm import Alarms
from tasks.drift.profile import Profile
from tasks.drift.table import drift_table

OURS = "ours"
WINDOWS = 5  # judged against one reference, one after the other
NAMES = (OURS, *RULES)


@click.command()
@click.option("--references", default=50, show_default=True, help="References of each cell.")
@click.option("--rows", multiple=True, type=int, default=(1_000, 10_000, 100_000, 1_000_000))
@click.option("--wobble", default=0.03, show_default=True, help="Of batches, in deviations.")
def main(references: int, rows: tuple[int, ...], wobble: float) -> None:
    """Print false alarms and power, as markdown."""
    windows = references * WINDOWS
    click.echo(f"Windows of {windows} in which any of 30 columns is called, without drift\n")
    cells = [(count, each) for each in (0.0, wobble) for count in rows]
    head = " | ".join(f"{count:,}{' wobble' if each else ''}" for count, each in cells)
    columns = [list(_false(count, each, references)) for count, each in cells]
    _table(
        ["rule", head],
        [[name, *(f"{column[at][0]:.3f}" for column in columns)] for at, name in enumerate(NAMES)],
        len(cells),
    )
    events = " ".join(f"{column[0][1]:.3f}" for column in columns)
    click.echo(f"\nOurs, the same column in 2 of 3 windows: {events}\n")
    for count in (count for count in rows if 10_000 <= count < 1_000_000):
        click.echo(f"\nPower / other columns called, {count:,} rows, wobble {wobble}\n")
        found = [list(_power(count, wobble, references, drift)) for drift in DRIFTS]
        _table(["rule", " | ".join(DRIFTS)], [
            [name, *(f"{each[at][0]:.2f} / {each[at][1]:.2f}" for each in found)]
            for at, name in enumerate(NAMES)
        ], len(DRIFTS))  # fmt: skip


def _false(rows: int, wobble: float, references: int) -> Iterator[tuple[float, float]]:
    """Yield for each rule the share of windows, and of triples, that are called."""
    called: dict[str, list[list[set[str]]]] = {name: [] for name in NAMES}
    for seed in range(references):
        world = World(seed=seed, wobble=wobble)
        judge = _Judges(world, rows)
        windows = [judge(world.window(rows)) for _ in range(WINDOWS)]
        for name in NAMES:
            called[name].append([each[name] for each in windows])
    for name in NAMES:
        single = [bool(each) for sequence in called[name] for each in sequence]
        triples = [_twice(part) for sequence in called[name] for part in _threes(sequence)]
        yield sum(single) / len(single), sum(triples) / len(triples)


def _power(rows: int, wobble: float, references: int, drift: str) -> Iterator[tuple[float, float]]:
    """Yield for each rule how often the right column is called, and how many others are."""
    hits = dict.fromkeys(NAMES, 0)
    others = dict.fromkeys(NAMES, 0)
    right = {DRIFTS[drift].column}
    for seed in range(references):
        world = World(seed=1000 + seed, wobble=wobble)
        for name, called in _Judges(world, rows)(world.window(rows, drift)).items():
            hits[name] += right <= called
            others[name] += len(called - right)
    for name in NAMES:
        yield hits[name] / references, others[name] / references


class _Judges:
    """Every rule, with the same reference."""

    def __init__(self, world: World, rows: int) -> None:
        reference = world.reference(rows)
        self._alarms, self._whole = Alarms(reference), reference.whole

    def __call__(self, window: Profile) -> dict[str, set[str]]:
        ours = {each.column for each in self._alarms.judge(window) if each.alarm}
        table = drift_table(self._whole, window)
        return {OURS: ours, **{name: rule(self._whole, table) for name, rule in RULES.items()}}


def _threes(sequence: Sequence[set[str]]) -> Iterator[Sequence[set[str]]]:
    for start in range(len(sequence) - 2):
        yield sequence[start : start + 3]


def _twice(three: Sequence[set[str]]) -> bool:
    return any(one & two for one, two in pairwise(three)) or bool(three[0] & three[2])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> None:
    click.echo("| " + " | ".join(head) + " |")
    click.echo("|" + "---|" * (columns + 1))
    for row in rows:
        click.echo("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
