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
from tasks.evaluation.scoring import LoadedModel, ModelRefused, load_model, score

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
