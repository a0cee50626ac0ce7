"""Uniqueness that is shown by hashes is uniqueness of values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.validation.parquet import ParquetData
from tasks.validation.run import run_suite
from tasks.validation.suite import Expectation
from tasks.validation.unique import PART, surely_unique

PATIENT = settings(deadline=None, max_examples=25)  # other work shares the machine
Pairs = list[tuple[float | None, str | None]]
FEW = st.lists(
    st.tuples(st.none() | st.floats(-3, 3, width=16), st.none() | st.sampled_from("abc")),
    max_size=8,
)


def shown(rows: Pairs, columns: Sequence[str], *, part: int = PART) -> bool:
    with TemporaryDirectory() as folder:
        base = data_of(rows, Path(folder)).database(Path(folder))
        with base.connect() as connection:
            return surely_unique(connection, len(rows), columns, part=part)


def data_of(rows: Pairs, folder: Path) -> ParquetData:
    kinds = {"x": pa.float64(), "c": pa.string()}
    table = pa.table(
        {name: pa.array([row[at] for row in rows], kinds[name]) for at, name in enumerate(kinds)}
    )
    pq.write_table(table, folder / "a.parquet")
    return ParquetData(uri="", files=(folder / "a.parquet",), schema=table.schema, rows=len(rows))


@PATIENT
@given(FEW)
def test_one_column_is_unique_if_no_value_comes_twice(rows: Pairs) -> None:
    values = [x for x, _ in rows if x is not None]
    assert shown(rows, ["x"]) == (len(set(values)) == len(values))


@PATIENT
@given(FEW)
def test_of_several_columns_missing_values_are_values(rows: Pairs) -> None:
    assert shown(rows, ["x", "c"]) == (len(set(rows)) == len(rows))


@pytest.mark.parametrize("part", [1000, 3000, 10**6])
def test_the_answer_does_not_depend_on_how_many_parts_are_read(part: int) -> None:
    rows: Pairs = [(float(number), "a") for number in range(10_000)]
    assert shown(rows, ["x"], part=part)
    assert not shown([*rows, (777.0, "b")], ["x"], part=part)
    assert not shown(rows, ["c"], part=part)


def test_a_zero_is_a_zero_whatever_its_sign() -> None:
    assert not shown([(0.0, "a"), (-0.0, "b")], ["x"])


@pytest.mark.parametrize("mostly", [1.0, 0.5])
def test_a_suite_that_every_row_keeps_needs_nothing_else(tmp_path: Path, mostly: float) -> None:
    rows: Pairs = [(1.0, "a"), (2.0, "b"), (None, "c")]
    lines = [
        Expectation(type="expect_column_values_to_be_unique", kwargs={"column": "x"}),
        Expectation(
            type="expect_column_values_to_be_in_set",
            kwargs={"column": "c", "value_set": ["a", "b", "c"], "mostly": mostly},
        ),
    ]
    checks, page = run_suite("s", lines, data_of(rows, tmp_path), tmp_path, examples=3)
    assert [(check.passed, check.unexpected) for check in checks] == [(True, 0), (True, 0)]
    assert page.count("0% unexpected") == 2


def test_a_line_that_holds_for_most_rows_tells_how_many_break_it(tmp_path: Path) -> None:
    rows: Pairs = [(float(number), "a" if number else "z") for number in range(10)]
    kwargs = {"column": "c", "value_set": ["a"], "mostly": 0.9}
    line = Expectation(type="expect_column_values_to_be_in_set", kwargs=kwargs)
    (check,), _ = run_suite("s", [line], data_of(rows, tmp_path), tmp_path, examples=3)
    assert (check.passed, check.unexpected, check.examples) == (True, 1, ("z",))
