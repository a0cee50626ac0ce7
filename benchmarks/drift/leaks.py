"""Leaks: a little more drift in each window. After how many is it called, and what is falsely?

Means that creep, and a share of missing values that grows, in a column each; thirty windows of one
reference, each judged by itself. Beside what a watch does stands what was tried and is not used:
four windows merged, against four batches of the reference merged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.drift.notes import Cell, Notes
from benchmarks.drift.quality import NAMES, OURS, SEED, WOBBLE, Judges
from benchmarks.drift.world import Drift, World
from tasks.drift.alarm import Alarms
from tasks.drift.profile import Profile, merged
from tasks.drift.reference import ReferenceProfile

ROWS = (1_000, 10_000)
REFERENCES = 24
WINDOWS = 30
LEAKS = {
    "mean .02": Drift(column="number_00", shift=0.02),
    "mean .01": Drift(column="number_05", shift=0.01),
    "mean .005": Drift(column="number_10", shift=0.005),
    "missing .1 points": Drift(column="number_15", missing=0.001),
}
"""What each window adds, in deviations or as a share; all at once, in columns of their own."""

TOGETHER = 4
TWICE = f"{OURS}, in 2 of 3 windows"
MERGED = f"{OURS}, {TOGETHER} windows merged (not used)"
FALSE = ("windows falsely called", f"of {WINDOWS} windows without a leak, any")
RULES = (OURS, TWICE, MERGED, *NAMES[1:])

Calls = Sequence[set[str]]  # the columns that are called, window by window


def measure(notes: Notes, references: int) -> None:
    """Let leaks run against as many references, and as many windows in which nothing leaks."""
    for rows in ROWS:
        if not notes.has("leaks", OURS, rows):
            sys.stderr.write(f"leaks at {rows:,} rows\n")
            for name, cell in _found(rows, references).items():
                notes.keep("leaks", name, rows, cell)


def table(notes: Notes, rows: int) -> Iterator[Sequence[str]]:
    """Yield for each rule when it calls each leak, and how often it calls what does not leak."""
    for name in RULES:
        cell = notes.cell("leaks", name, rows)
        if cell:
            share = 100 * cell["called"] / (cell["runs"] * WINDOWS)
            false = f"{share:.1f} %", f"{cell['runs called']} of {cell['runs']}"
            yield name, *(_when(cell[leak]) for leak in LEAKS), *false


def _found(rows: int, references: int) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        name: {"runs": references, "called": 0, "runs called": 0, **{leak: [] for leak in LEAKS}}
        for name in RULES
    }
    for seed in range(references):
        judge = _judge(World(seed=4 * SEED + seed, wobble=WOBBLE), rows)
        steady, leaking = judge(()), judge(tuple(LEAKS.values()))
        for name, cell in cells.items():
            cell["called"] += sum(map(bool, steady[name]))
            cell["runs called"] += any(steady[name])
            for leak, what in LEAKS.items():
                cell[leak].append(_first(leaking[name], what.column))
    return cells


def _judge(world: World, rows: int) -> Callable[[Sequence[Drift]], Mapping[str, Calls]]:
    judges = Judges(world, rows)
    alarms = Alarms(_grouped(judges.reference))

    def judge(leaks: Sequence[Drift]) -> Mapping[str, Calls]:
        windows = [
            world.changed(rows, [_after(number, each) for each in leaks])
            for number in range(1, WINDOWS + 1)
        ]
        found = [judges(each) for each in windows]
        calls: dict[str, Calls] = {name: [each[name] for each in found] for name in NAMES}
        return {**calls, TWICE: _twice(calls[OURS]), MERGED: _merged(alarms, windows)}

    return judge


def _after(windows: int, leak: Drift) -> Drift:
    return replace(leak, shift=windows * leak.shift, missing=windows * leak.missing)


def _grouped(reference: ReferenceProfile) -> ReferenceProfile:
    """Return the reference with each four batches that follow each other as one."""
    parts = list(reference.batches.items())
    groups = [parts[start : start + TOGETHER] for start in range(0, len(parts), TOGETHER)]
    batches = {group[0][0]: merged([each for _, each in group]) for group in groups}
    return ReferenceProfile(axes=reference.axes, batches=batches)


def _twice(calls: Calls) -> Calls:
    """Return the columns that are called in two of a window and the two before."""
    found = []
    for number in range(len(calls)):
        last = calls[max(number - 2, 0) : number + 1]
        named = set().union(*last)
        found.append({name for name in named if sum(name in each for each in last) > 1})
    return found


def _merged(alarms: Alarms, windows: Sequence[Profile]) -> Calls:
    found: list[set[str]] = []
    for number in range(len(windows)):
        last = windows[number + 1 - TOGETHER : number + 1] if number + 1 >= TOGETHER else ()
        judged = alarms.judge(merged(last)) if last else ()
        found.append({each.column for each in judged if each.alarm})
    return found


def _first(calls: Calls, column: str) -> int:
    """Return the first window in which a column is called; the one after the last if none is."""
    return next((n for n, each in enumerate(calls, 1) if column in each), WINDOWS + 1)


def _when(firsts: Sequence[int]) -> str:
    """Return the median of windows, and in how many all but a tenth of the leaks are called."""
    told = [float(np.quantile(firsts, share, method="higher")) for share in (0.5, 0.9)]
    return " / ".join(f"{each:.0f}" if each <= WINDOWS else "never" for each in told)
