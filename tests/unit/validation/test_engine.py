"""Great Expectations over files says the same as over a frame."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import ObjectStore
from tasks.validation.parquet import ParquetData, open_parquet
from tasks.validation.run import run_suite
from tasks.validation.suite import Expectation, to_gx_suite

START = datetime(2013, 1, 1, tzinfo=UTC)


def dirty_table(rows: int = 3000) -> pa.Table:
    random = np.random.default_rng(7)
    number = random.normal(50, 20, rows).round(2)
    number[::50] = math.nan
    whole = [None if i % 40 == 0 else int(i % 97) for i in range(rows)]
    word = [None if i % 60 == 0 else ("UA", "b6", "", "A'A", "ü%")[i % 5] for i in range(rows)]
    return pa.table(
        {
            "key": pa.array(range(rows), pa.int64()),
            "number": pa.array(number, pa.float64()),
            "whole": pa.array(whole, pa.int64()),
            "word": pa.array(word, pa.string()),
            "truth": pa.array([i % 3 == 0 for i in range(rows)], pa.bool_()),
            "at": pa.array([START + timedelta(hours=i) for i in range(rows)], pa.timestamp("us")),
            "low": pa.array(np.minimum(np.nan_to_num(number), 40), pa.float64()),
        }
    )


LINES: list[tuple[str, dict[str, Any]]] = [
    ("expect_table_row_count_to_equal", {"value": 3000}),
    ("expect_table_column_count_to_equal", {"value": 6}),
    (
        "expect_table_columns_to_match_ordered_list",
        {"column_list": ["key", "number", "whole", "word", "truth", "at", "low"]},
    ),
    ("expect_column_to_exist", {"column": "gone"}),
    ("expect_column_values_to_not_be_null", {"column": "number"}),
    ("expect_column_values_to_not_be_null", {"column": "number", "mostly": 0.95}),
    ("expect_column_values_to_be_null", {"column": "word"}),
    ("expect_column_values_to_be_between", {"column": "number", "min_value": 0, "max_value": 90}),
    ("expect_column_values_to_be_between", {"column": "whole", "min_value": 3, "mostly": 0.99}),
    ("expect_column_values_to_be_unique", {"column": "key"}),
    ("expect_column_values_to_be_unique", {"column": "whole"}),
    ("expect_column_values_to_be_in_set", {"column": "word", "value_set": ["UA", "b6", "A'A"]}),
    ("expect_column_values_to_not_be_in_set", {"column": "word", "value_set": ["", "ü%"]}),
    ("expect_column_values_to_be_in_set", {"column": "truth", "value_set": [True]}),
    ("expect_column_values_to_match_regex", {"column": "word", "regex": "[A-Z]"}),
    ("expect_column_values_to_not_match_regex", {"column": "word", "regex": "^A"}),
    ("expect_column_values_to_match_regex_list", {"column": "word", "regex_list": ["^U", "6$"]}),
    ("expect_column_value_lengths_to_be_between", {"column": "word", "min_value": 1}),
    ("expect_column_value_lengths_to_equal", {"column": "word", "value": 2}),
    ("expect_column_mean_to_be_between", {"column": "number", "min_value": 49, "max_value": 51}),
    ("expect_column_median_to_be_between", {"column": "key", "min_value": 1, "max_value": 1499}),
    ("expect_column_stdev_to_be_between", {"column": "number", "min_value": 1, "max_value": 19}),
    ("expect_column_min_to_be_between", {"column": "number", "min_value": 0}),
    ("expect_column_max_to_be_between", {"column": "number", "max_value": 200}),
    ("expect_column_sum_to_be_between", {"column": "whole", "max_value": 10}),
    ("expect_column_unique_value_count_to_be_between", {"column": "word", "max_value": 5}),
    (
        "expect_column_proportion_of_unique_values_to_be_between",
        {"column": "whole", "max_value": 0.01},
    ),
    (
        "expect_column_distinct_values_to_be_in_set",
        {"column": "word", "value_set": ["UA", "b6", "A'A"]},
    ),
    ("expect_column_distinct_values_to_contain_set", {"column": "word", "value_set": ["UA"]}),
    ("expect_column_most_common_value_to_be_in_set", {"column": "truth", "value_set": [False]}),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "number", "column_B": "low", "or_equal": True},
    ),
    (
        "expect_column_pair_values_to_be_equal",
        {"column_A": "number", "column_B": "low", "ignore_row_if": "either_value_is_missing"},
    ),
    ("expect_compound_columns_to_be_unique", {"column_list": ["whole", "word"]}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["key", "word"]}),
    ("expect_column_values_to_be_of_type", {"column": "number", "type_": "float64"}),
    ("expect_column_values_to_be_of_type", {"column": "key", "type_": "int64"}),
    ("expect_column_values_to_be_of_type", {"column": "key", "type_": "float64"}),
    ("expect_column_values_to_be_in_type_list", {"column": "truth", "type_list": ["bool"]}),
    ("expect_column_values_to_be_increasing", {"column": "key"}),
    ("expect_column_values_to_be_json_parseable", {"column": "word"}),
    ("expect_column_values_to_match_strftime_format", {"column": "word", "strftime_format": "%Y"}),
    (
        "expect_column_quantile_values_to_be_between",
        {
            "column": "number",
            "quantile_ranges": {"quantiles": [0.1, 0.5], "value_ranges": [[20, 30], [0, 10]]},
        },
    ),
    (
        "expect_multicolumn_sum_to_equal",
        {
            "column_list": ["number", "low"],
            "sum_total": 80,
            "ignore_row_if": "any_value_is_missing",
        },
    ),
    ("expect_select_column_values_to_be_unique_within_record", {"column_list": ["number", "low"]}),
    (
        "expect_column_pair_values_to_be_in_set",
        {"column_A": "whole", "column_B": "word", "value_pairs_set": [[1, "b6"], [2, ""]]},
    ),
    (
        "expect_column_values_to_be_between",
        {"column": "at", "min_value": "2013-02-01", "max_value": "2013-03-01"},
    ),
    (
        "expect_column_value_z_scores_to_be_less_than",
        {
            "column": "number",
            "threshold": 3,
            "double_sided": True,
        },
    ),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Any, Any]]:
    """Return what both engines say to each line."""
    folder = tmp_path_factory.mktemp("data")
    table = dirty_table()
    pq.write_table(table.slice(0, 1000), folder / "a.parquet")
    pq.write_table(table.slice(1000), folder / "b.parquet", row_group_size=300)
    data = ParquetData(
        uri=folder.as_uri(),
        files=(folder / "a.parquet", folder / "b.parquet"),
        schema=table.schema,
        rows=len(table),
    )
    lines = [Expectation(type=kind, kwargs=kwargs) for kind, kwargs in LINES]
    checks, page = run_suite("both", lines, data, folder, examples=5)
    assert "<html" in page
    frames = _over_a_frame(table.to_pandas(), lines)
    return {i: (check, frames[i]) for i, check in enumerate(checks)}


def _over_a_frame(frame: pd.DataFrame, lines: list[Expectation]) -> dict[int, Any]:
    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
    marked = [line.model_copy(update={"meta": {"n": i}}) for i, line in enumerate(lines)]
    result = batch.validate(to_gx_suite("frame", marked))
    answers: list[Any] = result.results
    return {each.expectation_config.meta["n"]: each for each in answers}


@pytest.mark.parametrize(
    "number", range(len(LINES)), ids=[f"{i}-{n}" for i, (n, _) in enumerate(LINES)]
)
def test_files_are_judged_as_a_frame_is(answers: dict[int, tuple[Any, Any]], number: int) -> None:
    check, frame = answers[number]
    assert not frame.exception_info.get("raised_exception"), "the comparison itself is broken"
    assert check.passed == frame.success, (check, frame.result)
    assert check.unexpected == frame.result.get("unexpected_count")
    observed = frame.result.get("observed_value")
    if isinstance(observed, float):
        assert float(check.observed) == pytest.approx(observed, rel=1e-4)


def test_lines_come_back_in_the_order_of_the_suite(answers: dict[int, tuple[Any, Any]]) -> None:
    assert [check.expectation for check, _ in answers.values()] == [kind for kind, _ in LINES]


def test_values_that_break_a_check_are_shown(answers: dict[int, tuple[Any, Any]]) -> None:
    number = next(i for i, (kind, _) in enumerate(LINES) if kind.endswith("_not_be_in_set"))
    assert set(answers[number][0].examples) == {"", "ü%"}


def test_a_single_file_may_have_any_name(store: ObjectStore, tmp_path: Path) -> None:
    pq.write_table(dirty_table(10), tmp_path / "rows")
    assert open_parquet(store, (tmp_path / "rows").as_uri(), tmp_path).rows == 10


def test_a_folder_with_a_quote_and_a_space_in_its_name_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    pq.write_table(dirty_table(10), folder / "a.parquet")
    data = ParquetData(uri="", files=(folder / "a.parquet",), schema=dirty_table(1).schema, rows=10)
    line = Expectation(type="expect_table_row_count_to_equal", kwargs={"value": 10})
    checks, _ = run_suite("one", [line], data, folder, examples=1)
    assert checks[0].passed
