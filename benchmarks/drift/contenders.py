"""The same question answered in several ways, one process each: has the second file drifted?

Run as ``python -m benchmarks.drift.contenders NAME REFERENCE CURRENT``; prints JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from benchmarks.drift.process import tell
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from tasks.drift.alarm import Alarms
from tasks.drift.reading import batches, parquet, profile_of
from tasks.drift.reference import reference_of
from tasks.drift.storage import from_bytes, to_bytes
from tasks.drift.table import drift_table

Answer = Callable[[Path, Path], int]


def profiled(reference: Path, current: Path) -> int:
    """Ours, in production: the reference is a stored profile, only the window is read."""
    kept = from_bytes(reference.with_suffix(".npz").read_bytes())
    now = profile_of(_store(), current.as_uri(), kept.axes)
    drift_table(kept.whole, now)
    return len({each.column for each in Alarms(kept).judge(now) if each.alarm})


def profile_both(reference: Path, current: Path) -> int:
    """Ours, from nothing: the reference is profiled in 20 batches first, and stored."""
    kept = reference_of(_store(), reference.as_uri())
    reference.with_suffix(".npz").write_bytes(to_bytes(kept))
    now = profile_of(_store(), current.as_uri(), kept.axes)
    drift_table(kept.whole, now)
    return len({each.column for each in Alarms(kept).judge(now) if each.alarm})


def decode(_: Path, current: Path) -> int:
    """Only decode the window, as ours does: the floor for whoever reads the file."""
    store, rows = _store(), 0
    for batch in batches(store, parquet(store, current.as_uri())):
        rows += len(batch)
    return rows


def scipy(reference: Path, current: Path) -> int:
    """Plain scipy on whole columns in memory."""
    before, now, found = pd.read_parquet(reference), pd.read_parquet(current), 0
    for name in before.columns:
        p, q = before[name], now[name]
        if name.startswith("number"):
            found += bool(ks_2samp(p, q).pvalue < 0.05)
            wasserstein_distance(p, q)
            edges = np.quantile(p, np.linspace(0, 1, 11)[1:-1])
            bins = [np.bincount(np.searchsorted(edges, each), minlength=10) for each in (p, q)]
            jensenshannon(bins[0] / len(p), bins[1] / len(q), base=2)
        else:
            both = pd.concat([p.value_counts(), q.value_counts()], axis=1).fillna(0)
            found += bool(chi2_contingency(both.to_numpy()).pvalue < 0.05)
    return found


def duck(reference: Path, current: Path) -> int:
    """DuckDB: approximate tenths of the reference, counts in them, counts by value."""
    with duckdb.connect(config={"threads": 2}) as base:
        return sum(_duck_column(base, each, reference, current) for each in pq.read_schema(current))


def _duck_column(base: Any, field: Any, reference: Path, current: Path) -> int:
    name, counts = field.name, []
    edges: list[float] = []
    if name.startswith("number"):
        tenths = [each / 10 for each in range(1, 10)]
        query = f"select approx_quantile({name}, {tenths}) from '{reference}'"
        edges = base.execute(query).fetchall()[0][0]
    for file in (reference, current):
        if edges:
            parts = ", ".join(f"count(*) filter ({name} <= {edge!r})" for edge in edges)
            rows = base.execute(f"select {parts}, count({name}) from '{file}'").fetchall()
            counts.append(np.diff(rows[0], prepend=0))
        else:
            query = f"select count(*) from '{file}' group by {name} order by {name}"
            counts.append(np.array([row[0] for row in base.execute(query).fetchall()]))
    return _stable(counts)


def _stable(counts: list[Any]) -> int:
    p, q = (np.maximum(each, 0.5) / max(each.sum(), 1) for each in counts)
    return int(float(((q - p) * np.log(q / p)).sum()) > 0.2)


def _store() -> LocalStore:
    return LocalStore(machine=LocalMachine(workspace=Path("/nonexistent")))


BOTH = "ours, reference profiled too"
CONTENDERS: Mapping[str, Answer] = {
    "ours, stored reference": profiled,
    BOTH: profile_both,
    "decode the window only": decode,
    "scipy": scipy,
    "DuckDB": duck,
}


def main() -> None:
    """Answer once; print JSON."""
    name, reference, current = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    tell(lambda: CONTENDERS[name](reference, current))


if __name__ == "__main__":
    main()
