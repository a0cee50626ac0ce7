"""Runs a suite over a data set with Great Expectations, without the data in memory."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView

from tasks.validation.parquet import VIEW, ParquetData
from tasks.validation.report import Check
from tasks.validation.rows import (
    NUMBER,
    as_kept,
    kept_by_all,
    number_of,
    surely_unique_lines,
)
from tasks.validation.suite import Expectation, to_gx_suite
from tasks.validation.types import translated

FRAME_ONLY = {
    # where one of two values is missing, SQL knows no answer, and the row would pass
    "expect_column_pair_values_a_to_be_greater_than_b",
}


class Rows(Protocol):
    """Rows that a suite can be asked of, wherever they lie."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns."""
        ...

    @property
    def frame_only(self) -> Collection[str]:
        """Expectations that only a frame answers rightly."""
        ...

    def ask(self, name: str, lines: Sequence[Expectation]) -> Any:
        """Return what Great Expectations says of the lines, without the rows in memory."""
        ...

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return a few columns in memory, for questions that can be asked of nothing else."""
        ...


def run_suite(
    name: str, lines: Sequence[Expectation], data: ParquetData, folder: Path, *, examples: int
) -> tuple[tuple[Check, ...], str]:
    """Return what came of each expectation, in order, and Great Expectations' own page as HTML.

    DuckDB answers over the files. What Great Expectations cannot ask a data base (dates in a
    format, JSON, rising values) is asked of pandas, with only the columns that it needs.
    """
    return run_suite_on(_Files(data, folder), name, lines, examples=examples)


def run_suite_on(
    rows: Rows, name: str, lines: Sequence[Expectation], *, examples: int
) -> tuple[tuple[Check, ...], str]:
    """Return what came of each expectation, in order, and Great Expectations' own page as HTML."""
    numbered = [
        line.model_copy(update={"meta": {**line.meta, NUMBER: number}})
        for number, line in enumerate(lines)
    ]
    with _quiet():
        result = rows.ask(name, [line for line in numbered if line.type not in rows.frame_only])
        for place, each in enumerate(result.results):
            if _raised(each):
                line = numbered[each.expectation_config.meta[NUMBER]]
                result.results[place] = _over_frame(name, line, rows)
        result.results += [
            _over_frame(name, line, rows) for line in numbered if line.type in rows.frame_only
        ]
        _tidy(result)
        page = _page(result)
    ordered = sorted(result.results, key=lambda each: int(each.expectation_config.meta[NUMBER]))
    checks = [_check(line, each, examples) for line, each in zip(numbered, ordered, strict=True)]
    return tuple(checks), page


def context() -> Any:
    """Return a context of Great Expectations that leaves nothing behind and tells nobody."""
    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
            store_backend_defaults=InMemoryStoreBackendDefaults(),
        ),
    )


class _Files:
    """Rows in Parquet files, asked through DuckDB."""

    def __init__(self, data: ParquetData, folder: Path) -> None:
        self._data, self._folder = data, folder

    @property
    def columns(self) -> Sequence[str]:
        return list(self._data.schema.names)

    @property
    def frame_only(self) -> Collection[str]:
        return FRAME_ONLY

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        return self._data.frame(columns)

    def ask(self, name: str, lines: Sequence[Expectation]) -> Any:
        data = self._data
        lines = [line.model_copy(update={"kwargs": translated(line.kwargs)}) for line in lines]
        base = data.database(self._folder)
        kept = surely_unique_lines(base, data.rows, lines)
        source = context().data_sources.add_sql("files", connection_string=base.url)
        asset = source.add_table_asset(VIEW, table_name=VIEW)
        try:
            batch = asset.add_batch_definition_whole_table("all").get_batch()
            kept |= kept_by_all(batch, lines)
            rest = [line for line in lines if number_of(line) not in kept]
            result = batch.validate(to_gx_suite(name, rest))
        finally:
            source.get_engine().dispose()
            source.get_execution_engine().engine.dispose()
        result.results += [as_kept(line, data.rows) for line in lines if number_of(line) in kept]
        return result


def _over_frame(name: str, line: Expectation, rows: Rows) -> Any:
    """Ask pandas one thing, with the columns that it looks at in memory."""
    source = context().data_sources.add_pandas("frame")
    asset = source.add_dataframe_asset(VIEW).add_batch_definition_whole_dataframe("all")
    columns = [each for each in line.columns if each in rows.columns]
    batch = asset.get_batch({"dataframe": rows.frame(columns or rows.columns)})
    return batch.validate(to_gx_suite(name, [line])).results[0]


def _page(result: ExpectationSuiteValidationResult) -> str:
    view: Any = DefaultJinjaPageView()
    return str(view.render(ValidationResultsPageRenderer().render(result)))


def _raised(each: Any) -> bool:
    return any(
        isinstance(info, dict) and info.get("raised_exception")
        for info in (each.exception_info, *(each.exception_info or {}).values())
    )


def _tidy(result: ExpectationSuiteValidationResult) -> None:
    for each in result.results:
        each.result = {key: _plain(value) for key, value in each.result.items()}
    passed = sum(bool(each.success) for each in result.results)
    total = len(result.results)
    result.success = passed == total
    result.statistics = {
        "evaluated_expectations": total,
        "successful_expectations": passed,
        "unsuccessful_expectations": total - passed,
        "success_percent": 100 * passed / total,
    }


def _check(line: Expectation, each: Any, examples: int) -> Check:
    result, why = each.result, str(line.meta.get("why", ""))
    if _raised(each):
        why = _message(each.exception_info)
    observed = result.get("observed_value")
    shown = f"{observed:.6g}" if isinstance(observed, float) else str(observed)[:200]
    unexpected = list(dict.fromkeys(map(str, result.get("partial_unexpected_list") or ())))
    return Check(
        expectation=line.type,
        column=", ".join(line.columns),
        severity=line.severity,
        passed=bool(each.success),
        observed="" if observed is None else shown,
        unexpected=result.get("unexpected_count"),
        examples=tuple(unexpected[:examples]),
        why=why,
    )


def _message(info: dict[str, Any]) -> str:
    inner = next((each for each in info.values() if isinstance(each, dict)), info)
    return str(inner.get("exception_message", ""))[:300]


def _plain(value: Any) -> Any:
    """Return a numpy number as Python's own; the page's renderer knows no others."""
    return value.item() if isinstance(value, np.generic) else value


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Great Expectations from telling each of its steps, and what pandas will be asked."""
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
