"""How often drift is called without drift, and with it: ours, and the usual rules, on counts."""

from __future__ import annotations

import sys
from itertools import combinations, product

from benchmarks.drift.notes import Cell, Notes
from benchmarks.drift.rules import RULES
from benchmarks.drift.world import DRIFTS, World
from tasks.drift.alarm import Alarms
from tasks.drift.profile import Profile
from tasks.drift.table import drift_table

OURS = "bluewater"
NAMES = (OURS, *RULES)
SEED = 50_000  # the worlds of this benchmark are no others'
WOBBLE = 0.03  # of each column of each batch, in standard deviations
FALSE_ROWS = (1_000, 10_000, 100_000, 1_000_000)
POWER_ROWS = (10_000, 100_000)
WINDOWS = 3  # judged against one reference, one after the other: what 2 of 3 needs


def measure(notes: Notes, references: int) -> None:
    """Measure power, then false alarms with and without wobble, cell by cell."""
    for rows in POWER_ROWS:
        if not notes.has("power", OURS, (rows, next(iter(DRIFTS)))):
            sys.stderr.write(f"power at {rows:,} rows\n")
            for (name, drift), cell in _power(rows, references).items():
                notes.keep("power", name, (rows, drift), cell)
    for rows, wobble in product(FALSE_ROWS, (WOBBLE, 0.0)):
        if not notes.has("false", OURS, (rows, wobble)):
            sys.stderr.write(f"false alarms at {rows:,} rows, wobble {wobble:g}\n")
            for name, cell in _false(rows, wobble, references).items():
                notes.keep("false", name, (rows, wobble), cell)


def _false(rows: int, wobble: float, references: int) -> dict[str, Cell]:
    """Return for each rule the windows that are called, and the triples with a column twice."""
    cells: dict[str, Cell] = {name: {"windows": 0, "called": 0, "events": 0} for name in NAMES}
    for seed in range(references):
        judges = Judges(World(seed=SEED + seed, wobble=wobble), rows)
        found = [judges(judges.world.window(rows)) for _ in range(WINDOWS)]
        for name, cell in cells.items():
            called = [each[name] for each in found]
            cell["windows"] += WINDOWS
            cell["called"] += sum(map(bool, called))
            cell["events"] += any(one & two for one, two in combinations(called, 2))
    return cells


def _power(rows: int, references: int) -> dict[tuple[str, str], Cell]:
    """Return how often each rule calls the right column of each drift, and how many others."""
    keys = product(NAMES, DRIFTS)
    cells: dict[tuple[str, str], Cell] = {
        key: {"windows": 0, "hits": 0, "others": 0} for key in keys
    }
    for seed in range(references):
        judges = Judges(World(seed=2 * SEED + seed, wobble=WOBBLE), rows)
        for drift, what in DRIFTS.items():
            for name, called in judges(judges.world.window(rows, drift)).items():
                cell = cells[name, drift]
                cell["windows"] += 1
                cell["hits"] += what.column in called
                cell["others"] += len(called - {what.column})
    return cells


class Judges:
    """Every rule, with the same reference of twenty batches."""

    def __init__(self, world: World, rows: int) -> None:
        self.world, self.reference = world, world.reference(rows)
        self._alarms, self._whole = Alarms(self.reference), self.reference.whole

    def ours(self, window: Profile) -> set[str]:
        """Return the columns that we call."""
        return {each.column for each in self._alarms.judge(window) if each.alarm}

    def __call__(self, window: Profile) -> dict[str, set[str]]:
        """Return the columns that each rule calls."""
        table = drift_table(self._whole, window)
        others = {name: rule(self._whole, table) for name, rule in RULES.items()}
        return {OURS: self.ours(window), **others}
