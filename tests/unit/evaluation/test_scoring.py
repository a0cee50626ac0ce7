"""Which columns a model is given, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from blocks.testing.models import make_model
from tasks.data import DataSpec
from tasks.evaluation.scoring import LoadedModel, ModelRefused, load_model, score, scores_of

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
    found = score(store, uri, DataSpec(train=uri, holdout=uri, label="label"), [model])
    np.testing.assert_array_equal(found.scores, [[0.0, 1.0]])
    np.testing.assert_array_equal(found.truth, [0, 1])


def test_another_folder_than_expected_is_not_loaded(model: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="registered was other"):
        load_model(tmp_path / "model", "other")


def answers(values: object) -> LoadedModel:
    return LoadedModel(predict=lambda frame: values, columns=("x",))


def test_of_the_two_columns_of_predict_proba_the_second_one_is_the_score() -> None:
    found = scores_of(answers(np.array([[0.9, 0.1], [0.2, 0.8]])), FRAME)
    np.testing.assert_array_equal(found, [0.1, 0.8])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((2, 3), 1 / 3), "shape (2, 3)"),
        (np.array([0.5]), "shape (1,)"),
        (np.array(["yes", "no"]), "a number for each row"),
        (np.array([0.5, np.nan]), "1 of 2 predictions are not finite"),
    ],
)
def test_an_answer_without_a_score_for_each_row_is_refused(values: object, said: str) -> None:
    with pytest.raises(ModelRefused) as refused:
        scores_of(answers(values), FRAME)
    assert said in str(refused.value)
