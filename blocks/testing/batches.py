"""Data sets for batch predictions, for benches and tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FILES = 4
NOTES = pa.array([f"note {number} " + 120 * "." for number in range(7)])  # small on disk only


def make_rows(data: Path, rows: int) -> None:
    """Write x, n and note: x goes round from 0 to 1, n counts on over all files."""
    (data / "more").mkdir(parents=True)
    starts = range(0, rows, -(-rows // FILES))
    for number, start in enumerate(starts):
        n = np.arange(start, min(rows, start + starts.step))
        notes = NOTES.take(pa.array(n % len(NOTES)))
        table = pa.table({"x": (n % 101) / 100, "n": n, "note": notes})
        place = data if number % 2 == 0 else data / "more"
        pq.write_table(table, place / f"part-{number:03d}.parquet", row_group_size=rows)
