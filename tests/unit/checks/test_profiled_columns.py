"""Profiles of columns of any type and name keep the suite that they suggest."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import InvalidRequest, ObjectStore
from tasks.checks.derive import suite
from tasks.checks.measure import measure
from tasks.validation.parquet import open_parquet
from tasks.validation.run import run_suite
from tasks.validation.suite import read_suite
from tests.unit.checks.weeks import Workbench, named, only, week, weeks


def test_columns_may_be_called_anything(bench: Workbench) -> None:
    names = {"city": 'a "city" {x}', "distance": "dis{tance", "minutes": "min; drop table data"}
    content = suite(bench.profile(weeks(4).rename(columns=names)))
    assert named(bench.failed(content, week(3).rename(columns=names)), "error") == []
    checks = [line["meta"]["check"] for line in content["expectations"]]
    assert 'a "city" {x} determines dis{tance' in checks


@pytest.mark.parametrize(
    "kind",
    [
        *("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64", "float", "bool"),
        *("date32[day]", "timestamp[ns]", "timestamp[us]", "timestamp[ms]", "large_string"),
        *("timestamp[us, tz=UTC]", "decimal128(9, 2)", "list<int64>", "binary"),
    ],
)
def test_a_column_of_any_type_keeps_the_suite_it_was_learnt_from(
    store: ObjectStore, tmp_path: Path, kind: str
) -> None:
    type_ = {
        "float": pa.float32(),
        "date32[day]": pa.date32(),
        "timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"),
        "decimal128(9, 2)": pa.decimal128(9, 2),
        "list<int64>": pa.list_(pa.int64()),
    }.get(kind) or pa.type_for_alias(kind)
    if kind.startswith("list"):
        values = pa.array([[number] for number in range(60)], type_)
    elif kind.startswith("decimal"):
        values = pa.array([Decimal(number) for number in range(60)], type_)
    elif kind in {"large_string", "binary"}:
        values = pa.array([str(number) for number in range(60)]).cast(type_)
    else:
        values = pa.array(range(60), pa.int32()).cast(pa.int64() if "stamp" in kind else pa.int32())
        values = values.cast(type_)
    table = pa.table({"week": ["a"] * 30 + ["b"] * 30, "value": values})
    pq.write_table(table, tmp_path / "rows.parquet")
    data = open_parquet(store, (tmp_path / "rows.parquet").as_uri(), tmp_path)
    content = suite(measure(data, tmp_path, batch="week", name="weeks"))
    of_batch = [each for each in content["expectations"] if each["meta"]["check"] != "rows"]
    text = json.dumps({**content, "expectations": of_batch}).encode()
    own = tmp_path / "own"
    own.mkdir()
    name, lines = read_suite(text, data.schema.names)
    checks, _ = run_suite(name, lines, data, own, examples=1)
    failed = [check for check in checks if not check.passed]
    assert named(failed, "error") == []


def test_a_profile_does_not_grow_with_the_rows(bench: Workbench) -> None:
    few, many = weeks(3), pd.concat([weeks(3)] * 10, ignore_index=True)
    sizes = [len(bench.profile(frame).model_dump_json()) for frame in (few, many)]
    assert sizes[1] < 1.1 * sizes[0]


def test_slices_are_values_with_enough_rows(bench: Workbench) -> None:
    large = pd.concat([weeks(10)] * 3, ignore_index=True)
    assert list(bench.profile(large).slices()) == ["city"]
    assert list(bench.profile(weeks(2)).slices()) == []


@pytest.mark.parametrize("batch", ["weak", ""])
def test_a_batch_column_that_is_not_there_is_refused(
    store: ObjectStore, tmp_path: Path, batch: str
) -> None:
    weeks(1).to_parquet(tmp_path / "rows.parquet")
    data = open_parquet(store, (tmp_path / "rows.parquet").as_uri(), tmp_path)
    with pytest.raises(InvalidRequest, match="use one of week, id"):
        measure(data, tmp_path, batch=batch, name="weeks")


def test_batches_that_numbers_name_are_learnt_in_their_order(bench: Workbench) -> None:
    days = [week(number).assign(week=number) for number in (10, 8, 2, 9, 11)]
    profile = bench.profile(pd.concat(days))
    assert profile.batches == ("2", "8", "9", "10", "11")
    assert suite(profile)["meta"]["accepted_last"] == "11"


def test_categories_of_pandas_are_checked_as_the_texts_that_they_are(bench: Workbench) -> None:
    learnt = bench.profile(weeks(4).assign(city=lambda f: f["city"].astype("category")))
    unknown = week(4).assign(
        city=lambda f: f["city"].where(f.index > 5, "nowhere").astype("category")
    )
    for check, severity in (("new values", "warning"), ("type", "error")):
        content = only(check, learnt)
        assert "city" in {each["kwargs"]["column"] for each in content["expectations"]}
        found = named(bench.failed(content, unknown), severity)
        assert found == (["new values"] if check == "new values" else [])
