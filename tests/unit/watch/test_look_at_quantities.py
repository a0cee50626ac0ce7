"""A look at answers that are no chance of two: quantities with heavy tails, and classes."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from blocks.contracts import ObjectStore
from tasks.data import DataSpec
from tasks.evaluation.scoring import LoadedModel
from tasks.watch.reference import PREDICTION
from tasks.watch.spec import WatchSpec
from tasks.watch.training import baseline, rows_seen
from tests.unit.watch.answered import World, minutes, parquet, world_of

KINDS = ("cat", "dog", "owl")


def animals(count: int, seed: int, *, sure: float = 3.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(size=count)
    chances = chances_of(pd.DataFrame({"x": x * sure / 3.0}))
    truth = [random.choice(KINDS, p=row) for row in chances]
    return pd.DataFrame({"x": x, "truth": truth})


def chances_of(frame: pd.DataFrame) -> np.ndarray:
    x = frame["x"].to_numpy()
    weights = np.exp(np.stack([-3 * x, 0 * x, 3 * x], axis=1))
    found: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return found


def taking_x(predict: Callable[[pd.DataFrame], object]) -> LoadedModel:
    return LoadedModel(predict=predict, columns=("x",))


@pytest.fixture
def clock(store: ObjectStore) -> World:
    """A model of minutes."""
    return world_of(store, taking_x(lambda frame: 20 * frame["x"].to_numpy()), minutes)


@pytest.fixture
def zoo(store: ObjectStore) -> World:
    """A model of three classes, which a server knows by their places."""
    return world_of(store, taking_x(chances_of), animals)


def test_a_quantity_as_it_was_is_quiet_and_measured_by_its_labels(clock: World) -> None:
    clock.day(0, minutes(2000, 10))
    report = clock.look(0)
    assert report.alarms == ()
    assert report.causes == ()
    assert report.expected is not None
    assert report.matured is not None
    found = report.matured.measured
    assert found is not None
    assert not hasattr(found, "auc")
    assert report.estimate is None
    text = report.markdown()
    assert "mean absolute error is not estimated without labels" in text
    assert "like those it was trained on" in text
    assert "which larger errors count as" in text


def test_a_quantity_that_got_worse_without_any_drift_is_found_by_its_labels(clock: World) -> None:
    clock.day(0, minutes(2000, 11, noise=18.0))
    report = clock.look(0)
    assert report.alarms == ()
    assert {each.subject for each in report.causes} == {"mean absolute error", "mean loss"}


def test_one_enormous_error_is_no_evidence(clock: World) -> None:
    rows = minutes(2000, 12)
    rows.loc[7, "truth"] = 1e12
    clock.day(0, rows)
    report = clock.look(0)
    assert report.evidence is not None
    assert report.evidence.value < 20
    assert "mean loss" not in {each.subject for each in report.causes}


def test_predicted_quantities_that_move_are_an_alarm(clock: World) -> None:
    clock.day(0, minutes(2000, 13, shift=1.0))
    assert PREDICTION in {each.column for each in clock.look(0).alarms}


def test_classes_known_by_their_places_are_measured_by_their_names(zoo: World) -> None:
    assert zoo.reference.quality is not None
    assert zoo.reference.quality.order == KINDS
    zoo.day(0, animals(2000, 20))
    report = zoo.look(0)
    assert report.causes == ()
    assert report.matured is not None
    assert report.matured.measured is not None
    assert "share of wrong classes" in report.markdown()
    assert report.evidence is not None
    assert report.evidence.value < 20


def test_classes_that_are_wrong_more_often_are_found_by_their_labels(zoo: World) -> None:
    zoo.day(0, animals(2000, 21, sure=0.5))
    report = zoo.look(0)
    assert report.alarms == ()
    assert {each.subject for each in report.causes} == {"share of wrong classes", "mean loss"}


def test_classes_that_are_answered_more_often_are_an_alarm(zoo: World) -> None:
    zoo.day(0, animals(2000, 22).assign(x=lambda rows: rows["x"].abs()))
    assert PREDICTION in {each.column for each in zoo.look(0).alarms}


def test_the_baseline_has_what_the_model_takes_but_need_not_be_given(store: ObjectStore) -> None:
    """A model of scikit-learn needs every column, whatever its signature calls optional."""
    rows = minutes(300, 30).assign(wind=1.5, secret=2.0)
    store.write(f"{store.root}/train.parquet", parquet(rows))
    uri = f"{store.root}/train.parquet"
    model = LoadedModel(
        predict=lambda frame: (frame["x"] + frame["wind"] + frame["secret"]).to_numpy(),
        columns=("x", "secret"),
        optional=("wind", "gust"),
    )
    data = DataSpec(train=uri, holdout=uri, label="truth")
    kept = baseline(rows_seen(store, data, WatchSpec(), model), model, ignore=("secret",))
    found = pd.read_parquet(io.BytesIO(kept))
    assert list(found) == ["x", "wind", PREDICTION]
    np.testing.assert_allclose(found[PREDICTION], found["x"] + 3.5)
