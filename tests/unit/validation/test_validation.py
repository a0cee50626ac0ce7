"""Good data goes on; bad data stops a release with what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from blocks.contracts import InvalidRequest, NotFound, ObjectStore
from tasks.validation.report import DataRejected, ValidationReport
from tasks.validation.spec import ValidationSpec
from tasks.validation.stage import validate_data
from tasks.validation.suite import SuiteRefused

SUITE = [
    ("expect_column_values_to_not_be_null", {"column": "carrier"}, "error"),
    ("expect_column_values_to_be_between", {"column": "distance", "min_value": 1}, "error"),
    ("expect_column_values_to_be_of_type", {"column": "distance", "type_": "int64"}, "error"),
    ("expect_column_values_to_be_unique", {"column": "key"}, "error"),
    ("expect_column_values_to_be_in_set", {"column": "origin", "value_set": ["EWR"]}, "warning"),
]


@pytest.fixture
def good() -> pa.Table:
    return pa.table(
        {
            "key": [f"UA{i}" for i in range(500)],
            "carrier": ["UA", "AA"] * 250,
            "origin": ["EWR"] * 500,
            "distance": [100 + i for i in range(500)],
        }
    )


def judge(store: ObjectStore, folder: Path, table: pa.Table, run: str = "r") -> ValidationReport:
    pq.write_table(table, folder / "data.parquet")
    return judge_at(store, folder, (folder / "data.parquet").as_uri(), run)


def judge_at(store: ObjectStore, folder: Path, uri: str, run: str = "r") -> ValidationReport:
    lines: list[dict[str, Any]] = [
        {"type": kind, "kwargs": kwargs, "meta": {"severity": severity}}
        for kind, kwargs, severity in SUITE
    ]
    suite = folder / "suite.json"
    suite.write_text(json.dumps({"name": "flights", "expectations": lines}))
    return validate_data.fn(store, ValidationSpec(suite=suite.as_uri()), uri, run=run)


def changed(table: pa.Table, name: str, value: Any, rows: int = 3) -> pa.Table:
    values = table[name].to_pylist()
    values[:rows] = [value] * rows
    place = table.schema.get_field_index(name)
    return table.set_column(place, name, pa.array(values))


def test_good_data_passes_and_what_was_found_is_kept(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    report = judge(store, tmp_path, good)
    assert report.passed
    assert not report.failed
    assert (report.rows, len(report.checks)) == (500, len(SUITE))
    assert b"<html" in store.read(report.docs_uri)
    assert json.loads(store.read(report.suite_uri))["name"] == "flights"


@pytest.mark.parametrize(
    "broken",
    [
        ("carrier", None, "expect_column_values_to_not_be_null"),
        ("distance", -5, "expect_column_values_to_be_between"),
        ("distance", 12.5, "expect_column_values_to_be_of_type"),
        ("key", "UA7", "expect_column_values_to_be_unique"),
    ],
)
def test_bad_data_is_rejected_by_the_check_that_it_breaks(
    store: ObjectStore, tmp_path: Path, good: pa.Table, broken: tuple[str, Any, str]
) -> None:
    name, value, check = broken
    with pytest.raises(DataRejected, match=f"{check} {name}") as rejection:
        judge(store, tmp_path, changed(good, name, value))
    failed = rejection.value.report.failed
    assert [each.expectation for each in failed] == [check]
    assert rejection.value.report.docs_uri


def test_a_rejection_counts_the_rows_and_shows_examples(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    with pytest.raises(DataRejected) as rejection:
        judge(store, tmp_path, changed(good, "distance", -5))
    check = rejection.value.report.failed[0]
    assert (check.unexpected, check.examples) == (3, ("-5",))


def test_a_warning_is_told_and_goes_on(store: ObjectStore, tmp_path: Path, good: pa.Table) -> None:
    report = judge(store, tmp_path, changed(good, "origin", "XXX"))
    assert report.passed
    assert [(each.severity, each.examples) for each in report.failed] == [("warning", ("XXX",))]


def test_the_newest_batch_must_keep_its_own_suite(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    """What is fine in all rows together may be wrong in the batch that came last."""
    weeks = good.append_column("week", pa.array([f"w{6 + i // 100}" for i in range(500)]))
    pq.write_table(weeks, tmp_path / "data.parquet")
    rows = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 90}}
    for last, failed in ((100, 0), (50, 1)):
        pq.write_table(weeks.slice(0, 400 + last), tmp_path / "data.parquet")
        for name, meta in (("all", {}), ("batch", {"batch": "week"})):
            suite = {"name": name, "expectations": [rows], "meta": meta}
            (tmp_path / f"{name}.json").write_text(json.dumps(suite))
        spec = ValidationSpec(
            suite=(tmp_path / "all.json").as_uri(), batch_suite=(tmp_path / "batch.json").as_uri()
        )
        uri = (tmp_path / "data.parquet").as_uri()
        try:
            report = validate_data.fn(store, spec, uri, run=str(last))
        except DataRejected as rejection:
            report = rejection.report
        assert [each.why.partition(":")[0] for each in report.failed] == [
            "newest batch, w10"
        ] * failed
        assert report.batch == "w10"
        assert b"<html" in store.read(report.batch_docs_uri)


def test_a_batch_suite_that_names_no_batches_is_refused(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    pq.write_table(good, tmp_path / "data.parquet")
    rows = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
    (tmp_path / "suite.json").write_text(json.dumps({"name": "all", "expectations": [rows]}))
    suite = (tmp_path / "suite.json").as_uri()
    spec = ValidationSpec(suite=suite, batch_suite=suite)
    with pytest.raises(SuiteRefused, match="bluewater profile"):
        validate_data.fn(store, spec, (tmp_path / "data.parquet").as_uri(), run="r")


def test_a_missing_column_is_refused_by_name(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    with pytest.raises(SuiteRefused, match=r"kwargs.column = 'distance': .* no such column"):
        judge(store, tmp_path, good.drop_columns(["distance"]))


def test_data_without_rows_is_rejected(store: ObjectStore, tmp_path: Path, good: pa.Table) -> None:
    with pytest.raises(DataRejected, match="no rows"):
        judge(store, tmp_path, good.slice(0, 0))


def test_data_that_is_not_there_is_not_found(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"gone\.parquet.*write the data first"):
        judge_at(store, tmp_path, (tmp_path / "gone.parquet").as_uri())


def test_a_file_that_is_not_parquet_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "data.parquet").write_text("carrier,distance\nUA,1\n")
    with pytest.raises(InvalidRequest, match="not a Parquet file"):
        judge_at(store, tmp_path, (tmp_path / "data.parquet").as_uri())


def test_files_of_one_data_set_with_other_columns_are_refused(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    pq.write_table(good, folder / "a.parquet")
    pq.write_table(changed(good, "distance", 1.5), folder / "b.parquet")
    with pytest.raises(InvalidRequest, match=r"distance \(double instead of int64\)"):
        judge_at(store, tmp_path, folder.as_uri())


def test_a_replay_finds_the_first_verdict(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    first = judge(store, tmp_path, good)
    assert judge(store, tmp_path, changed(good, "distance", -5)) == first
    with pytest.raises(DataRejected):
        judge(store, tmp_path, changed(good, "distance", -5), run="another")


def test_order_and_grouping_of_rows_leave_the_fingerprint(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    first = judge(store, tmp_path, good).fingerprint
    folder = tmp_path / "parts"
    folder.mkdir()
    turned = good.take(pa.array(range(499, -1, -1)))
    pq.write_table(turned.slice(0, 123), folder / "a.parquet", row_group_size=50)
    pq.write_table(turned.slice(123), folder / "b.parquet")
    assert judge_at(store, tmp_path, folder.as_uri(), run="parts").fingerprint == first


@pytest.mark.parametrize("change", ["one value", "one row less", "one row twice", "another name"])
def test_any_change_of_the_data_changes_the_fingerprint(
    store: ObjectStore, tmp_path: Path, good: pa.Table, change: str
) -> None:
    first = judge(store, tmp_path, good).fingerprint
    other = {
        "one value": changed(good, "distance", 101, rows=1),
        "one row less": good.slice(1),
        "one row twice": pa.concat_tables([good.slice(1), good.slice(1, 1)]).set_column(
            0, "key", good["key"]
        ),
        "another name": good.append_column("more", good["carrier"]),
    }[change]
    assert judge(store, tmp_path, other, run="other").fingerprint != first


def test_a_missing_value_is_hashed_alike_beside_any_neighbours(
    store: ObjectStore, tmp_path: Path, good: pa.Table
) -> None:
    column = pc.if_else(pc.equal(good["distance"], 300), None, good["distance"])
    holed = good.append_column("more", column)
    first = judge(store, tmp_path, holed).fingerprint
    pq.write_table(holed, tmp_path / "small.parquet", row_group_size=1)
    uri = (tmp_path / "small.parquet").as_uri()
    assert judge_at(store, tmp_path, uri, run="small").fingerprint == first
