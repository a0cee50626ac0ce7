"""The flights suite over ever more flights: over the files, and over a frame as usual.

Run as ``python -m benchmarks.drift.validation NAME FILE``; prints JSON.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.drift.cost import ROOT
from benchmarks.drift.notes import Notes
from benchmarks.drift.process import measured, tell
from examples.flights.prepare import prepare
from tasks.validation.parquet import ParquetData
from tasks.validation.run import run_suite
from tasks.validation.suite import read_suite, to_gx_suite

SUITE = ROOT / "examples" / "flights" / "suite.json"
KEY = "flight"
COPIES = (1, 12, 119)  # 84,740 flights each
FRAME, FILES = "Great Expectations on pandas", "bluewater: the same, over files"
Verdicts = Mapping[str, tuple[bool, int | None]]  # by line: passed, rows that broke it


def measure(place: Path, notes: Notes) -> None:
    """Measure both at each size, and whether they say the same."""
    for copies in COPIES:
        file = place / f"flights-{copies}.parquet"
        if not file.exists():
            _write(file, copies)
        rows = pq.read_metadata(file).num_rows
        for name in (FILES, FRAME):
            if not notes.has("validation", name, rows):
                sys.stderr.write(f"validation of {rows:,} rows: {name}\n")
                argv = [sys.executable, "-m", "benchmarks.drift.validation", name, str(file)]
                notes.keep("validation", name, rows, measured(argv, ROOT, os.environ))


def over_files(file: Path) -> Verdicts:
    """Ours."""
    schema, rows = pq.read_schema(file), pq.read_metadata(file).num_rows
    data = ParquetData(uri=file.as_uri(), files=(file,), schema=schema, rows=rows)
    name, lines = read_suite(SUITE.read_bytes(), schema.names)
    with tempfile.TemporaryDirectory() as folder:
        checks, _ = run_suite(name, lines, data, Path(folder), examples=5)
    return {_line(n): (each.passed, each.unexpected) for n, each in enumerate(checks)}


def over_a_frame(file: Path) -> Verdicts:
    """Great Expectations as its documentation has it."""
    name, lines = read_suite(SUITE.read_bytes(), pq.read_schema(file).names)
    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    whole = asset.add_batch_definition_whole_dataframe("b")
    batch = whole.get_batch({"dataframe": pd.read_parquet(file)})
    numbered = [line.model_copy(update={"meta": {"n": n}}) for n, line in enumerate(lines)]
    return dict(_verdicts(batch.validate(to_gx_suite(name, numbered)).results))


def _verdicts(results: Sequence[Any]) -> list[tuple[str, tuple[bool, int | None]]]:
    return [
        (
            _line(each.expectation_config.meta["n"]),
            (bool(each.success), each.result.get("unexpected_count")),
        )
        for each in sorted(results, key=lambda each: int(each.expectation_config.meta["n"]))
    ]


def _line(number: int) -> str:
    return f"{number:02}"


def _write(file: Path, copies: int) -> None:
    """Write the flights of January to April again and again, each time as of another year."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        flights = pq.read_table(Path(folder) / "train.parquet")
    at = flights.schema.names.index(KEY)
    draft = file.with_suffix(".draft")
    with pq.ParquetWriter(draft, flights.schema) as out:
        for year in range(1000, 1000 + copies):
            keys = pc.replace_substring_regex(flights[KEY], r"-\d{4}-(\d\d-\d\d)$", rf"-{year}-\1")
            out.write_table(pa.table(flights).set_column(at, flights.schema.field(at), keys))
    draft.rename(file)


ANSWERS: Mapping[str, Callable[[Path], Verdicts]] = {FILES: over_files, FRAME: over_a_frame}


if __name__ == "__main__":
    tell(lambda: ANSWERS[sys.argv[1]](Path(sys.argv[2])))
