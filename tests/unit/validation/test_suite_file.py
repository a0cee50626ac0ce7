"""A suite is checked as a whole before anything runs."""

from __future__ import annotations

import json
from typing import Any

import great_expectations as gx
import pytest
from great_expectations.expectations import core
from great_expectations.expectations.metadata_types import FailureSeverity

from tasks.validation.suite import SuiteRefused, read_suite

COLUMNS = ["carrier", "distance"]


known: Any = core


def content(*expectations: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"name": "s", "expectations": list(expectations), **more}).encode()


def problems(*expectations: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(SuiteRefused) as refusal:
        read_suite(content(*expectations), COLUMNS)
    assert all(each.remedy for each in refusal.value.problems)
    return [(each.field, each.value, each.problem) for each in refusal.value.problems]


def test_everything_wrong_is_told_at_once() -> None:
    found = problems(
        {"type": "expect_nothing_at_all", "kwargs": {}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "price"}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"colum": "carrier"}},
        {"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "meta": {"severity": "bad"}},
        {"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "sevrity": "error"},
    )
    assert {field for field, _, _ in found} == {
        "suite.expectations.0.type",
        "suite.expectations.1.kwargs.column",
        "suite.expectations.2.kwargs.colum",
        "suite.expectations.2.kwargs.column",
        "suite.expectations.3.severity",
        "suite.expectations.4.sevrity",
    }


@pytest.mark.parametrize(
    ("kind", "kwargs", "field"),
    [
        ("expect_column_values_to_be_between", {"min_value": 9, "max_value": 3}, "max_value"),
        ("expect_column_values_to_be_between", {"min_value": 9, "mostly": 1.5}, "mostly"),
        ("expect_column_values_to_match_regex", {"regex": "("}, "regex"),
        ("expect_column_values_to_be_in_set", {}, "value_set"),
        ("expect_column_values_to_be_between", {"min": 1, "max_value": 3}, "min"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(
    kind: str, kwargs: dict[str, Any], field: str
) -> None:
    found = problems({"type": kind, "kwargs": {"column": "carrier", **kwargs}})
    assert [name for name, _, _ in found] == [f"suite.expectations.0.kwargs.{field}"]


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_compound_columns_to_be_unique", {"column_list": ["carrier", "gone"]}),
        ("expect_column_pair_values_to_be_equal", {"column_A": "carrier", "column_B": "gone"}),
    ],
)
def test_a_missing_column_is_found_wherever_it_is_named(kind: str, kwargs: dict[str, Any]) -> None:
    assert [value for _, value, _ in problems({"type": kind, "kwargs": kwargs})] == ["'gone'"]


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"[]", b'{"name": "s"}', b'{"name": "s", "expectations": []}']
)
def test_a_file_that_is_no_suite_is_refused(broken: bytes) -> None:
    with pytest.raises(SuiteRefused):
        read_suite(broken, COLUMNS)


def test_a_suite_that_great_expectations_wrote_is_read() -> None:
    suite = gx.ExpectationSuite(
        name="theirs",
        expectations=[
            known.ExpectColumnValuesToBeBetween(
                column="distance", min_value=1, severity=FailureSeverity.WARNING
            ),
            known.ExpectColumnValuesToNotBeNull(column="carrier", notes="a note"),
            known.ExpectColumnKLDivergenceToBeLessThan(
                column="carrier",
                partition_object={"values": ["UA"], "weights": [1.0]},
                threshold=0.1,
            ),
        ],
    )
    name, lines = read_suite(json.dumps(suite.to_json_dict()).encode(), COLUMNS)
    assert name == "theirs"
    assert [line.severity for line in lines] == ["warning", "error", "error"]
