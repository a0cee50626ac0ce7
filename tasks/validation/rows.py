"""What every row keeps is found first, in one scan; only of what is broken are examples looked for.

Great Expectations looks for examples of unexpected rows whether or not there are any, which costs a
scan for each line that has none, and counts duplicates by a sort of all values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from great_expectations.core import ExpectationValidationResult
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.registry import get_expectation_impl

from tasks.validation.parquet import Database
from tasks.validation.suite import Expectation, to_gx_suite
from tasks.validation.unique import surely_unique

NUMBER = "bluewater_line"  # in the meta of what is run: which line of the suite it is
OF_ROWS = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
UNIQUE = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
OF_TYPES = (
    # of rows by their class, but a data base is asked for the column's type
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
)


def surely_unique_lines(base: Database, rows: int, lines: Sequence[Expectation]) -> set[int]:
    """Return the numbers of the lines on uniqueness that can be shown to hold without a sort."""
    asked = {number_of(line): line.columns for line in lines if line.type in UNIQUE}
    if not asked:
        return set()
    with base.connect() as connection:
        return {n for n, names in asked.items() if surely_unique(connection, rows, names)}


def kept_by_all(batch: Any, lines: Sequence[Expectation]) -> set[int]:
    """Return the numbers of the lines that no row breaks, in one scan."""
    strict = [_strict(line) for line in lines if _of_rows(line)]
    if not strict:
        return set()
    found = batch.validate(to_gx_suite("every row", strict), result_format="BOOLEAN_ONLY")
    return {each.expectation_config.meta[NUMBER] for each in found.results if each.success}


def as_kept(line: Expectation, rows: int) -> ExpectationValidationResult:
    """Return what Great Expectations says of a line that no row breaks."""
    return ExpectationValidationResult(
        success=True,
        expectation_config=to_gx_suite("one", [line]).expectations[0].configuration,
        result={
            "element_count": rows,
            "unexpected_count": 0,
            "unexpected_percent": 0.0,
            "partial_unexpected_list": [],
        },
        exception_info={
            "raised_exception": False,
            "exception_traceback": None,
            "exception_message": None,
        },
    )


def number_of(line: Expectation) -> int:
    """Return which line of its suite this is."""
    return int(line.meta[NUMBER])


def _of_rows(line: Expectation) -> bool:
    # duplicates are counted by a sort; that it is done at most once, they are not asked for twice
    asked_elsewhere = line.type in UNIQUE or line.type in OF_TYPES
    return issubclass(get_expectation_impl(line.type), OF_ROWS) and not asked_elsewhere


def _strict(line: Expectation) -> Expectation:
    kwargs = {name: value for name, value in line.kwargs.items() if name != "mostly"}
    return line.model_copy(update={"kwargs": kwargs})
