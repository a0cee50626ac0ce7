"""Whatever JSON comes, it is answered or refused by name; nothing else is ever raised."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from blocks.contracts import PREDICTION_BUCKETS
from blocks.serving import protocol_v2
from blocks.serving.answers import COUNTED, LONGEST, kept, prediction_bucket, scores
from blocks.serving.bodies import decode, of_csv, of_json
from blocks.serving.refused import Refused
from blocks.serving.schema import Rows, schema_of
from tests.unit.serving.servers import PROBE_SIGNATURE, ROW

TENSOR = ModelSignature(inputs=Schema([TensorSpec(np.dtype("float32"), (-1, 2))]))
SCHEMAS = {
    "columns": schema_of(PROBE_SIGNATURE),
    "tensor": schema_of(TENSOR),
    "nothing known": schema_of(None),
}
NAMES = st.sampled_from([*ROW, "maybe", "day", "colour", ""])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
SPLIT = st.fixed_dictionaries({"columns": st.lists(NAMES, max_size=3), "data": ANYTHING})
BODIES = (
    ANYTHING
    | st.fixed_dictionaries({"dataframe_records": ANYTHING})
    | st.fixed_dictionaries({"instances": ANYTHING})
    | st.fixed_dictionaries({"inputs": ANYTHING})
    | st.fixed_dictionaries({"dataframe_split": SPLIT})
)
TENSORS = st.fixed_dictionaries(
    {
        "name": NAMES | ANYTHING,
        "shape": st.lists(st.integers(-1, 3), max_size=3) | ANYTHING,
        "datatype": st.sampled_from(["FP64", "BYTES", "INT64"]) | ANYTHING,
        "data": ANYTHING,
    }
)


def sound(schema: Any, raw: Any) -> None:
    rows = schema.rows(raw)
    assert isinstance(rows, Rows)
    assert rows.count > 0
    assert {len(column) for column in rows.columns.values()} == {rows.count}
    schema.build(rows.columns)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@given(body=BODIES)
def test_any_body_is_rows_or_a_refusal(schema: Any, body: Any) -> None:
    try:
        sound(schema, of_json(decode(json.dumps(body).encode())))
    except Refused as refused:
        assert 400 <= refused.status < 500
        orjson.dumps(refused.body())


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@given(tensors=st.lists(TENSORS, max_size=2) | ANYTHING)
def test_any_tensors_are_rows_or_a_refusal(schema: Any, tensors: Any) -> None:
    try:
        sound(schema, protocol_v2.columns({"inputs": tensors}))
    except Refused as refused:
        assert 400 <= refused.status < 500
        orjson.dumps(refused.body())


@given(body=st.binary(max_size=40) | st.text(alphabet='xncity,"\n1.', max_size=40).map(str.encode))
def test_any_csv_is_rows_or_a_refusal(body: bytes) -> None:
    schema = SCHEMAS["columns"]
    try:
        sound(schema, of_csv(body, schema))
    except Refused as refused:
        assert 400 <= refused.status < 500


@given(answer=ANYTHING)
def test_any_answer_has_buckets(answer: Any) -> None:
    rows = answer if isinstance(answer, list) else [answer]
    found = kept(rows, len(rows))
    for value in (*found.predictions, *found.counted):
        assert isinstance(prediction_bucket(value), str)
    for told in found.answers:
        assert told is None or json.loads(told) is not None


@pytest.mark.parametrize(
    ("row", "bucket"),
    [
        (0.0, "0"),
        (0.375, "37"),
        (1.0, str(PREDICTION_BUCKETS - 1)),
        (1, "1"),
        (0, "0"),
        (-3, "-3"),
        (12_345_678, "1.2e+07"),
        (10**400, "inf"),
        (-130.5, "-1.3e+02"),
        (1.5, "1.5e+00"),
        (float("nan"), "nan"),
        (None, "nan"),
        (True, "True"),
        ("late", "late"),
        ([0.25, 0.75], "75"),
        ([0.1, 0.2, 0.7], "2"),
        ({"score": 0.5, "label": "late"}, "50"),
        ({"no": 0.25, "yes": 0.75}, "75"),
        ({"cat": 0.1, "dog": 0.7, "owl": 0.2}, "dog"),
        ({"mean": 0.5, "low": 0.25, "high": 0.75}, "50"),
    ],
)
def test_a_prediction_falls_into_its_documented_bucket(row: Any, bucket: str) -> None:
    assert [prediction_bucket(value) for value in scores([row], 1)] == [bucket]


def test_chances_by_class_are_the_name_of_the_likeliest_in_any_shape() -> None:
    by_row = [{"cat": 0.1, "dog": 0.7, "owl": 0.2}, {"cat": 0.5, "dog": 0.25, "owl": 0.25}]
    by_class = {name: [row[name] for row in by_row] for name in by_row[0]}
    assert scores(by_row, 2) == scores(by_class, 2) == ["dog", "cat"]


def test_chances_of_two_classes_are_that_of_the_second_in_any_shape() -> None:
    by_row = [{"no": 0.25, "yes": 0.75}, {"no": 1.0, "yes": 0.0}]
    by_class = {name: [row[name] for row in by_row] for name in by_row[0]}
    assert scores(by_row, 2) == scores(by_class, 2) == [0.75, 0.0]


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ([12.5, 250.0], ["0=1.2e+01", "1=2.5e+02"]),
        ({"minutes": 12.5, "delayed": True}, ["minutes=1.2e+01", "delayed=True"]),
        ([0.6, 0.6], ["0=60", "1=60"]),  # two chances that are not of one choice
        ([0.25, 0.75], ["75"]),
        ({"cat": 0.1, "dog": 0.7, "owl": 0.2}, ["dog"]),
        (["cat", "owl"], ["0=cat", "1=owl"]),
        ([[1, 2], [3]], ["0=[1, 2]", "1=[3]"]),
        (list(range(300)), [f"{each}={each}" for each in range(COUNTED)]),
    ],
)
def test_outputs_that_are_no_chances_are_counted_by_their_names(row: Any, names: list[str]) -> None:
    assert [prediction_bucket(each) for each in kept([row], 1).counted] == names


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([0.1, 0.2, 0.7], "[0.1,0.2,0.7]"),
        ({"low": 1.5, "high": 2.5}, '{"low":1.5,"high":2.5}'),
        ([10**30, 1], f"[{10**30}, 1]"),
        ([0.7], None),
        ([0.1] * LONGEST, None),
    ],
)
def test_what_is_more_than_a_prediction_is_kept_whole(row: Any, told: str | None) -> None:
    assert kept([row], 1).answers == [told]


def test_an_answer_of_one_value_for_each_row_is_kept_once() -> None:
    found = kept([0.5, "late"], 2)
    assert (found.predictions, found.counted, found.answers) == ([0.5, "late"],) * 2 + ((),)


def test_of_an_answer_that_has_not_one_entry_for_each_row_nothing_is_kept() -> None:
    found = kept([0.5], 2)
    assert not (found.predictions or found.counted or found.answers)
