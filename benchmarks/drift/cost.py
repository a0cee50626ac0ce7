"""What the answer costs: each contender in a process of its own, on files of each size."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.drift.contenders import BOTH, CONTENDERS
from benchmarks.drift.notes import Cell, Notes
from benchmarks.drift.peers import PEERS, QUIET, python_of
from benchmarks.drift.process import measured

ROOT = Path(__file__).parents[2]
ORDER = (*CONTENDERS, *PEERS)
LARGE = 10_000_000
SLOW = ("scipy", "NannyML")
TOO_MUCH = {
    "Evidently": "ten times its memory at 10^6 is more than 20 GB, at some 20 minutes",
    "whylogs": "ten times its memory at 10^6 is 13 GB, at some 16 minutes",
}
"""Who is not asked about the largest file, and why."""
BEFORE = {
    "scipy": "304 CPU seconds and 10.3 GB",
    "NannyML": "707 CPU seconds and 13.3 GB",
}
"""What the largest file took in a run of its own, told where it is empty."""
OURS_THEN = "4.3 CPU seconds and 0.5 GB"  # against a stored reference


def measure(place: Path, notes: Notes, rows: Sequence[int]) -> None:
    """Measure whoever is not in the notes yet, the small files first."""
    for count in rows:
        reference, current = (_file(place, count, seed) for seed in (1, 2))
        for name in _asked(count):
            if not notes.has("cost", name, count):
                sys.stderr.write(f"{count:,} rows: {name}\n")
                notes.keep("cost", name, count, _ask(place, name, reference, current))


def _asked(rows: int) -> Iterator[str]:
    """Yield who is asked: first who stores the reference, last who takes longest."""
    middle = (name for name in ORDER if name not in {BOTH, *SLOW})
    for name in (BOTH, *middle, *SLOW):
        if rows < LARGE or name not in TOO_MUCH:
            yield name


def _ask(place: Path, name: str, reference: Path, current: Path) -> Cell:
    if name in CONTENDERS:
        argv = [sys.executable, "-m", "benchmarks.drift.contenders", name]
    else:
        python = python_of(place, name)
        if python is None:
            return {"failed": "cannot be installed here"}
        argv = [str(python), str(Path(__file__).with_name("peers.py")), name]
    return measured([*argv, str(reference), str(current)], ROOT, {**os.environ, **QUIET})


def _file(place: Path, rows: int, seed: int) -> Path:
    """Write a file in a process of its own, so that its memory is given back."""
    file = place / f"{rows}-{seed}.parquet"
    if not file.exists():
        draft = file.with_suffix(".draft")
        argv = [sys.executable, "-m", "benchmarks.drift.data", str(draft), str(rows), str(seed)]
        subprocess.run(argv, cwd=ROOT, check=True)
        draft.rename(file)
    return file
