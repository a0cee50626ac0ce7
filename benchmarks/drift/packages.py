"""The packages themselves, and ours, on the same windows of rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.drift.cost import ROOT
from benchmarks.drift.notes import Cell, Notes
from benchmarks.drift.peers import QUIET, python_of
from benchmarks.drift.process import measured
from benchmarks.drift.quality import OURS, SEED, WOBBLE, Judges
from benchmarks.drift.rows import counted, rows_of
from benchmarks.drift.world import TOGETHER, World

ROWS = 10_000
JUDGES = ("Evidently", "NannyML", "whylogs")
KINDS = ("no drift", "wobble", "drift")
Calls = Mapping[str, set[str]]  # by window, the columns that are called


def measure(place: Path, notes: Notes, references: int, windows: int) -> None:
    """Draw rows, let everybody judge them; ours judges the profile of the same rows."""
    names = [name for name in (OURS, *JUDGES) if not notes.has("packages", name, "drift")]
    if not names:
        return
    folder = place / "windows"
    folder.mkdir(exist_ok=True)
    ours, same = _drawn(folder, references, windows)
    notes.keep("packages", "agreement", "", same)
    _keep(notes, OURS, ours)
    for name in (name for name in JUDGES if name in names):
        sys.stderr.write(f"{references * windows} windows of rows, three times: {name}\n")
        found = _judged(place, folder, name)
        if found is None:
            notes.keep("packages", name, "drift", {"failed": "cannot be installed here"})
        else:
            _keep(notes, name, found)


def _drawn(folder: Path, references: int, windows: int) -> tuple[Calls, Cell]:
    """Write references and windows as rows; return what ours calls, and how often both agree."""
    called: dict[str, set[str]] = {}
    same = {"profiles": 0, "equal": 0, "verdicts": 0}
    for seed in range(references):
        random = np.random.default_rng(seed)
        for wobble, kinds in ((0.0, KINDS[:1]), (WOBBLE, KINDS[1:])):
            judges = Judges(World(seed=3 * SEED + seed, wobble=wobble), ROWS)
            name = f"{seed:03} {kinds[0]}"
            batches = [rows_of(each, random) for each in judges.reference.batches.values()]
            pq.write_table(pa.concat_tables(batches), folder / f"{name}.parquet")
            for kind, number in ((kind, n) for kind in kinds for n in range(windows)):
                drifts = TOGETHER.values() if kind == "drift" else ()
                drawn = judges.world.changed(ROWS, drifts)
                rows = rows_of(drawn, random)
                profile = counted(rows, drawn)
                window = f"{name}-window-{kind}-{number}"
                pq.write_table(rows, folder / f"{window}.parquet")
                called[window] = judges.ours(profile)
                same["profiles"] += 1
                same["equal"] += profile == drawn
                same["verdicts"] += called[window] == judges.ours(drawn)
    return called, same


def _judged(place: Path, folder: Path, name: str) -> Calls | None:
    python = python_of(place, name)
    if python is None:
        return None
    script = str(Path(__file__).with_name("peers.py"))
    argv = [str(python), script, name, "judge", str(folder), str(ROWS)]
    told = measured(argv, ROOT, {**os.environ, **QUIET})
    if "failed" in told:
        sys.stderr.write(f"{name}: {told['failed']}\n")
        return None
    answer = told["answer"]
    assert isinstance(answer, dict)
    return {window: set(columns) for window, columns in answer.items()}


def _keep(notes: Notes, name: str, called: Calls) -> None:
    for kind in KINDS:
        found = [columns for window, columns in called.items() if f"-{kind}-" in window]
        notes.keep("packages", name, kind, dict(_counts(kind, found)))


def _counts(kind: str, found: list[set[str]]) -> Iterator[tuple[str, int]]:
    yield "windows", len(found)
    if kind != "drift":
        yield "called", sum(map(bool, found))
        yield "columns", sum(map(len, found))
        return
    right = {drift.column for drift in TOGETHER.values()}
    yield "others", sum(len(columns - right) for columns in found)
    for name, drift in TOGETHER.items():
        yield name, sum(drift.column in columns for columns in found)
