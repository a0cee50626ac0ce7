"""A suite over a Spark data frame: every partition is asked where it lies.

Great Expectations has an engine for Spark; what is missing, what types are called and which
questions go to pandas is settled here, so that a suite says the same as over files. Of rows that
break a check, the examples may be others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import pandas as pd

from tasks.specification.problems import Problem, shown
from tasks.validation.report import Check
from tasks.validation.rows import OF_TYPES
from tasks.validation.run import FRAME_ONLY, context, run_suite_on
from tasks.validation.suite import Expectation, SuiteRefused, to_gx_suite
from tasks.validation.types import NAMES, named

_IN_ORDER = (
    "expect_column_values_to_be_increasing",
    "expect_column_values_to_be_decreasing",
)
_NUMBERS = ("float", "double")
_TYPES = {  # of a data base -> Spark's classes
    "VARCHAR": "StringType",
    "BIGINT": "LongType",
    "DOUBLE PRECISION": "DoubleType",
    "SMALLINT": "ShortType",
    "INTEGER": "IntegerType",
    "REAL": "FloatType",
    "BOOLEAN": "BooleanType",
    "TIMESTAMP WITHOUT TIME ZONE": "TimestampNTZType",
    "TIMESTAMP WITH TIME ZONE": "TimestampType",
}
_SAID = {spark: base for base, spark in _TYPES.items()}
_NAMES = {pandas: _TYPES[base] for pandas, base in NAMES.items()}


class Frame(Protocol):
    """What is used of ``pyspark.sql.DataFrame``, beside what Great Expectations uses."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        ...

    @property
    def dtypes(self) -> list[tuple[str, str]]:
        """Names and types of the columns."""
        ...

    def select(self, *names: str) -> Any:
        """Return the columns of these names."""
        ...

    def selectExpr(self, *expressions: str) -> Any:  # noqa: N802 - Spark's own name
        """Return columns by SQL."""
        ...


def run_suite_on_spark(
    name: str, lines: Sequence[Expectation], frame: Frame, *, examples: int
) -> tuple[tuple[Check, ...], str]:
    """Return what came of each expectation, in order, and Great Expectations' own page as HTML.

    Raises SuiteRefused for a question about the order of rows: here they have none.
    """
    if problems := [_unordered(each) for each in enumerate(lines) if each[1].type in _IN_ORDER]:
        raise SuiteRefused(problems)
    return run_suite_on(_Partitions(frame), name, lines, examples=examples)


def quoted(name: str) -> str:
    """Return a name as Spark's SQL writes it."""
    return f"`{name.replace('`', '``')}`"


class _Partitions:
    """Rows in the partitions of a data frame."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    @property
    def columns(self) -> Sequence[str]:
        return self._frame.columns

    @property
    def frame_only(self) -> Collection[str]:
        return FRAME_ONLY

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        found: pd.DataFrame = self._frame.select(*columns).toArrow().to_pandas()
        return found

    def ask(self, name: str, lines: Sequence[Expectation]) -> Any:
        source = context().data_sources.add_spark("spark")
        asset = source.add_dataframe_asset("data").add_batch_definition_whole_dataframe("all")
        batch = asset.get_batch({"dataframe": self._without_nan()})
        told = [line.model_copy(update={"kwargs": named(line.kwargs, _NAMES)}) for line in lines]
        result = batch.validate(to_gx_suite(name, told))
        for each in result.results:
            if each.expectation_config.type in OF_TYPES:
                seen = each.result.get("observed_value")
                each.result["observed_value"] = _SAID.get(seen, seen)
        return result

    def _without_nan(self) -> Any:
        """Return the rows with not-a-number missing, as it is for pandas."""
        return self._frame.selectExpr(*(_column(*each) for each in self._frame.dtypes))


def _unordered(numbered: tuple[int, Expectation]) -> Problem:
    number, line = numbered
    return Problem(
        field=f"suite.expectations.{number}.type",
        value=shown(line.type),
        problem="asks for the order of rows, and rows of a Spark data frame have none",
        remedy="leave it out, or check the files that the frame is read from",
    )


def _column(name: str, kind: str) -> str:
    column = quoted(name)
    if kind not in _NUMBERS:
        return column
    return f"case when isnan({column}) then null else {column} end as {column}"
