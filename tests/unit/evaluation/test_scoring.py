"""Which columns a model is given, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blocks.contracts import ObjectStore
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from blocks.testing.models import make_model
from tasks.data import DataSpec, ProblemType
from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.scoring import LoadedModel, answers_of, label_of, load_model, score
from tasks.labels import BINARY, Label
from tests.unit.test_delta import ABOUT, PROTOCOL, Table

FRAME = pd.DataFrame({"x": [0.2, 0.7], "n": [1, 2], "label": [0, 1]})


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    """A model that takes x and n, and a note where there is one."""
    draft = make_model(tmp_path / "model", kind="same")
    return load_model(tmp_path / "model", draft.digest)


def test_a_column_that_a_row_may_have_is_given_where_it_is(model: LoadedModel) -> None:
    assert list(model.take(FRAME)) == ["x", "n"]
    assert list(model.take(FRAME.assign(note="late"))) == ["x", "n", "note"]


def test_data_without_a_column_that_the_model_needs_is_refused(model: LoadedModel) -> None:
    with pytest.raises(ModelRefused, match="no column 'n'"):
        model.take(FRAME.drop(columns="n"))


def test_data_without_an_optional_column_is_scored(model: LoadedModel, tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "holdout.parquet")
    uri = (tmp_path / "holdout.parquet").as_uri()
    store = LocalStore(machine=LocalMachine(workspace=tmp_path / "workspace"))
    data = DataSpec(train=uri, holdout=uri, label="label")
    found = score(store, uri, data, [model], label=BINARY)
    np.testing.assert_array_equal(found.scores, [[0.0, 1.0]])
    np.testing.assert_array_equal(found.truth, [0, 1])


def test_rows_of_a_delta_table_are_those_of_its_log(store: ObjectStore) -> None:
    table = Table(store)
    table.commit(PROTOCOL, ABOUT, table.put("a.parquet", 0, 0))
    gone = {"remove": {"path": "a.parquet", "dataChange": True}}
    table.commit(gone, table.put("b.parquet", 1, 0, 1))
    data = DataSpec(train="", holdout=table.uri, label="x")
    asked = LoadedModel(predict=lambda frame: frame["x"].to_numpy() / 2, columns=("x",))
    found = score(store, table.uri, data, [asked], label=label_of(store, table.uri, data))
    np.testing.assert_array_equal(found.truth, [1, 0, 1])
    np.testing.assert_array_equal(found.scores, [[0.5, 0, 0.5]])


def test_another_folder_than_expected_is_not_loaded(model: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="registered was other"):
        load_model(tmp_path / "model", "other")


def answers(values: object) -> LoadedModel:
    return LoadedModel(predict=lambda frame: values, columns=("x",))


def test_of_the_two_columns_of_predict_proba_the_second_one_is_the_score() -> None:
    found = answers_of(answers(np.array([[0.9, 0.1], [0.2, 0.8]])), FRAME, BINARY).scores
    np.testing.assert_array_equal(found, [0.1, 0.8])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((2, 3), 1 / 3), "shape (2, 3)"),
        (np.array([0.5]), "shape (1,)"),
        (np.array(["yes", "no"]), "a number for each row"),
        (np.array([0.5, np.nan]), "1 of 2 predictions are not finite"),
        (np.array([[12.0, 250.0], [3.0, 60.0]]), "2 columns that are answered are no chances"),
        (np.array([[0.9, 0.9], [0.1, 0.9]]), "1 in all"),
    ],
)
def test_an_answer_without_a_score_for_each_row_is_refused(values: object, said: str) -> None:
    with pytest.raises(ModelRefused) as refused:
        answers_of(answers(values), FRAME, BINARY)
    assert said in str(refused.value)


KINDS = Label(problem_type=ProblemType.MULTICLASS, classes=("cat", "dog", "owl"))
CHANCES = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])


def test_columns_without_a_name_are_the_classes_in_order() -> None:
    found = answers_of(answers(CHANCES), FRAME, KINDS)
    np.testing.assert_array_equal(found.scores[:, :3], CHANCES)
    assert found.captured == ("2", "0")  # places, as a server keeps them
    assert found.order == KINDS.classes


def test_columns_with_names_are_put_in_order_and_other_classes_are_lost() -> None:
    named = pd.DataFrame(CHANCES, columns=["owl", "elk", "dog"])
    found = answers_of(answers(named), FRAME, KINDS)
    np.testing.assert_array_equal(found.scores, [[0, 0.5, 0.2, 0.3], [0, 0.1, 0.6, 0.3]])
    assert found.captured == ("dog", "owl")
    assert not found.order


def test_names_of_the_signature_order_a_matrix() -> None:
    model = LoadedModel(
        predict=lambda frame: CHANCES, columns=("x",), outputs=("owl", "cat", "dog")
    )
    found = answers_of(model, FRAME, KINDS)
    np.testing.assert_array_equal(found.scores[0], [0.3, 0.5, 0.2, 0])
    assert found.order == ("owl", "cat", "dog")


def test_a_class_is_an_answer_without_chances() -> None:
    found = answers_of(answers(np.array(["dog", "fox"])), FRAME, KINDS)
    np.testing.assert_array_equal(found.scores, [[0, 1, 0, 0], [0, 0, 0, 1]])
    assert not found.chances
    assert found.captured == ("dog", "fox")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (CHANCES[:, :2] / CHANCES[:, :2].sum(axis=1, keepdims=True), "name the columns"),
        (CHANCES * 2, "are no chances"),
        (np.array([0.5, 1.5]), "shape (2,)"),
        (pd.DataFrame(CHANCES, columns=["a", "b", "c"]), "cat, dog, owl"),
        (np.array([["cat", "dog"], ["dog", "owl"]]), "the chance of each class"),
    ],
)
def test_an_answer_that_names_no_class_is_refused(values: object, said: str) -> None:
    with pytest.raises(ModelRefused) as refused:
        answers_of(answers(values), FRAME, KINDS)
    assert said in str(refused.value)


def test_a_quantity_is_one_number_a_row() -> None:
    label = Label(problem_type=ProblemType.REGRESSION)
    found = answers_of(answers(np.array([[-3.5], [250.0]])), FRAME, label)
    np.testing.assert_array_equal(found.scores, [-3.5, 250.0])
    with pytest.raises(ModelRefused, match="the quantity"):
        answers_of(answers(CHANCES[:, :2]), FRAME, label)
