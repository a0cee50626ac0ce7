"""Runs a suite over a data set with Great Expectations."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from tasks.validation.report import Check
from tasks.validation.suite import Expectation, to_gx_suite


def run_suite(
    name: str, lines: Sequence[Expectation], frame: pd.DataFrame, *, examples: int
) -> tuple[tuple[Check, ...], str]:
    """Return what came of each expectation, and Great Expectations' own page of it as HTML."""
    for noisy in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("data")
    whole = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    batch = whole.get_batch({"dataframe": frame})
    result = batch.validate(to_gx_suite(name, lines))
    for each in result.results:
        each.result = {key: _plain(value) for key, value in each.result.items()}
    checks = tuple(_check(each, examples) for each in result.results)
    return checks, _page(result)


def _page(result: ExpectationSuiteValidationResult) -> str:
    page: str = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result))
    return page


def _check(each: Any, examples: int) -> Check:
    configuration, result = each.expectation_config, each.result
    meta = configuration.meta or {}
    why = str(meta.get("why", ""))
    if each.exception_info and each.exception_info.get("raised_exception"):
        why = str(each.exception_info.get("exception_message"))
    observed = result.get("observed_value", "")
    return Check(
        expectation=configuration.type,
        column=str(configuration.kwargs.get("column", "")),
        severity=str(meta.get("severity", "error")),
        passed=bool(each.success),
        observed=f"{observed:.6g}" if isinstance(observed, float) else str(observed)[:200],
        unexpected=result.get("unexpected_count"),
        examples=tuple(
            str(value) for value in (result.get("partial_unexpected_list") or [])[:examples]
        ),
        why=why,
    )


def _plain(value: Any) -> Any:
    """Return a numpy number as Python's own; the page's renderer knows no others."""
    return value.item() if isinstance(value, np.generic) else value
