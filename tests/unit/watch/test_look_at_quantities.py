"""A look at answers that are no chance of two: quantities with heavy tails, and classes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import ObjectInfo, ObjectStore, Window
from tasks.data import DataSpec
from tasks.evaluation.scoring import LoadedModel, captured_of
from tasks.watch.look import Look
from tasks.watch.reference import PREDICTION, WatchReference, from_bytes, to_bytes
from tasks.watch.report import WatchReport
from tasks.watch.spec import LabelSpec, WatchSpec
from tasks.watch.traffic import Traffic, observed
from tasks.watch.training import baseline, reference_for, rows_seen

START, DAY = datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=1)
KINDS = ("cat", "dog", "owl")
Model = Callable[[pd.DataFrame], object]


@dataclass(slots=True, kw_only=True)
class World:
    """A model, its reference as it is kept, and days of what it has answered."""

    store: ObjectStore
    model: LoadedModel
    reference: WatchReference
    days: dict[datetime, ObjectInfo] = field(default_factory=dict)

    def day(self, number: int, rows: pd.DataFrame) -> None:
        """Answer the rows of a day; their truth is known at once."""
        start = START + number * DAY
        kept = rows.drop(columns="truth").assign(
            at=pd.date_range(start, start + 0.9 * DAY, periods=len(rows)).as_unit("us"),
            request_id=[f"{number}-{each}" for each in range(len(rows))],
            row=0,
            variant="v1",
            mirrored=False,
            status=200,
            prediction=captured_of(self.model, rows).to_pandas(),
        )
        captured = f"{self.store.root}/captures/{number}.parquet"
        self.days[start] = self.store.write(captured, parquet(kept))
        labels = pd.DataFrame({"request_id": kept["request_id"], "truth": rows["truth"]})
        self.store.write(f"{self.store.root}/labels/{number}.parquet", parquet(labels))

    def look(self, number: int, earlier: Sequence[WatchReport] = ()) -> WatchReport:
        labels = LabelSpec(uri=f"{self.store.root}/labels", label="truth", maturity=timedelta(0))
        look = Look(
            observe=self._observe,
            store=self.store,
            spec=WatchSpec(least_rows=200, labels=labels),
            endpoint="e",
            reference=self.reference,
        )
        start = START + number * DAY
        return look.report(Window(start=start, end=start + DAY), earlier)

    def _observe(self, window: Window) -> Traffic:
        objects = [self.days[window.start]] if window.start in self.days else []
        return observed(self.store, objects, window, axes=self.reference.profile.axes)


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), out)
    return out.getvalue()


def world_of(store: ObjectStore, predict: Model, rows: Callable[..., pd.DataFrame]) -> World:
    for name, seed in {"train": 1, "holdout": 2}.items():
        frame = rows(3000, seed)
        weeks = [f"w{each:02}" for each in np.arange(len(frame)) // 250]
        store.write(f"{store.root}/{name}.parquet", parquet(frame.assign(week=weeks)))
    data = DataSpec(
        train=f"{store.root}/train.parquet",
        holdout=f"{store.root}/holdout.parquet",
        label="truth",
        batch="week",
    )
    model = LoadedModel(predict=predict, columns=("x",))
    trained = rows_seen(store, data, WatchSpec(), model)
    made = reference_for(store, data, model, trained, name="m")
    return World(store=store, model=model, reference=from_bytes(to_bytes(made)))


def minutes(count: int, seed: int, *, noise: float = 10.0, shift: float = 0.0) -> pd.DataFrame:
    """Return rows whose truth has the tails of a t distribution with 3 degrees of freedom."""
    random = np.random.default_rng(seed)
    x = random.normal(size=count) + shift
    return pd.DataFrame({"x": x, "truth": 20 * x + noise * random.standard_t(3, count)})


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


@pytest.fixture
def clock(store: ObjectStore) -> World:
    """A model of minutes."""
    return world_of(store, lambda frame: 20 * frame["x"].to_numpy(), minutes)


@pytest.fixture
def zoo(store: ObjectStore) -> World:
    """A model of three classes, which a server knows by their places."""
    return world_of(store, chances_of, animals)


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
