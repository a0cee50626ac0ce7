"""Rows that are scored in shares, by others than this process, end in the report of one machine."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from blocks.contracts import ModelVersion, TrainingResult
from blocks.workload import digest
from tasks.data import DataSpec
from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.evaluated import evaluated
from tasks.evaluation.executors import Answered, executors
from tasks.evaluation.report import EvaluationReport
from tasks.evaluation.scoring import Hands, alone, label_of
from tasks.evaluation.shares import Share, batches, cut, everything
from tasks.evaluation.spec import EvaluationSpec, LatencySpec
from tasks.processing.mounted import MountedStore
from tests.unit.evaluation.test_kinds import flowers, patients, save
from tests.unit.spark import ENGINES, session

ROOT = "dbfs:///Volumes/main/small/files"
SPEC = EvaluationSpec(latency=LatencySpec(requests=20), cluster="day", least_slice_rows=20)
MEASURED = {"latency", "cost_per_thousand", "plots"}
CHANCES = {"pyfunc_predict_fn": "predict_proba"}
FEW = 60  # rows of a share
Evaluate = Callable[[str, Hands], tuple[EvaluationReport, Sequence[bytes]]]


def two_classes() -> pd.DataFrame:
    rows = flowers()
    rows = rows[rows["target"] != "setosa"]
    return rows.assign(target=(rows["target"] == "virginica").astype(int))


class NotFinite(DummyRegressor):  # type: ignore[misc]  # it comes without types
    """Answers nothing that can be compared, from the tenth row of a question on."""

    def predict(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's own name
        found = super().predict(X)
        found[10:] = np.inf
        return found


SEVERAL, QUANTITY, NO_NUMBERS = "chances of several", "a quantity", "no numbers"
KINDS: dict[str, tuple[Callable[[], pd.DataFrame], Any, Any, dict[str, Any]]] = {
    "two classes": (two_classes, LogisticRegression(C=0.001), LogisticRegression(), CHANCES),
    SEVERAL: (flowers, DummyClassifier(), LogisticRegression(max_iter=500), CHANCES),
    "classes alone": (flowers, DummyClassifier(), LogisticRegression(max_iter=500), {}),
    QUANTITY: (patients, DummyRegressor(strategy="median"), Ridge(alpha=0.1), {}),
    NO_NUMBERS: (patients, DummyRegressor(), NotFinite(), {}),
}
COMPARED = [kind for kind in KINDS if kind != NO_NUMBERS]


def in_files(rows: pd.DataFrame, folder: Path) -> None:
    """Write two files: one of several row groups, and a small one."""
    folder.mkdir()
    rows.iloc[:-30].to_parquet(folder / "a.parquet", row_group_size=50)
    rows.iloc[-30:].to_parquet(folder / "b.parquet")


@pytest.fixture
def store(tmp_path: Path) -> MountedStore:
    places = ("holdout", "recent", "place")
    return MountedStore({f"{ROOT}/{name}": tmp_path / name for name in places}, ROOT)


@pytest.fixture
def evaluate(tmp_path: Path, store: MountedStore) -> Evaluate:
    """Return what compares two models of a kind by somebody's hands."""

    def compared(kind: str, hands: Hands) -> tuple[EvaluationReport, Sequence[bytes]]:
        made, champion, challenger, saved = KINDS[kind]
        rows = made().assign(day=lambda all_rows: np.arange(len(all_rows)) % 23)
        train, held = rows.iloc[::2], rows.iloc[1::2]
        if not (tmp_path / "holdout").exists():
            in_files(held, tmp_path / "holdout")
            in_files(held.iloc[::-1], tmp_path / "recent")
        old, new = (
            save(tmp_path / name / "model", model, train, **saved)
            if not (tmp_path / name).exists()
            else tmp_path / name / "model"
            for name, model in (("old", champion), ("new", challenger))
        )
        data = DataSpec(
            train="",
            holdout=f"{ROOT}/holdout",
            recent=f"{ROOT}/recent",
            label="target",
            slices=("half", "day"),
        )
        report = evaluated(
            store,
            SPEC,
            data,
            challenger=TrainingResult(model_uri=new.as_uri(), digest=digest(new)),
            champion=ModelVersion(name="m", version="1", uri=old.as_uri(), digest=digest(old)),
            price=None,
            place=f"{ROOT}/place",
            hands=hands,
        )
        return report, [store.read(uri) for uri in report.plots.values()]

    return compared


def sent(work: Callable[[Share], Answered], shares: Sequence[Share]) -> Iterator[Answered]:
    """Have each share scored as in another process: what goes there and back is pickled."""
    for share in shares:
        there, told = pickle.loads(pickle.dumps((work, share)))
        yield pickle.loads(pickle.dumps(there(told)))


def same(evaluate: Evaluate, kind: str, hands: Hands) -> None:
    """See that these hands come to the report, and to the pictures, of one machine."""
    (here, drawn), (there, drawn_there) = evaluate(kind, alone), evaluate(kind, hands)
    assert there.model_dump(exclude=MEASURED) == here.model_dump(exclude=MEASURED)
    assert len(here.overall) == 2
    assert len(here.slices) > 1
    assert drawn_there == drawn


@pytest.mark.parametrize("kind", COMPARED)
def test_answers_that_come_in_shares_make_the_same_report(evaluate: Evaluate, kind: str) -> None:
    same(evaluate, kind, executors(sent, most=FEW))


@pytest.fixture(scope="module", params=ENGINES)
def spark(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    with session(request.param, tmp_path_factory.mktemp("spark")) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SEVERAL, QUANTITY])
def test_executors_make_the_same_report(spark: Any, evaluate: Evaluate, kind: str) -> None:
    spread = importlib.import_module("tasks.processing.spark").spread  # where there is Spark
    same(evaluate, kind, executors(partial(spread, spark), most=FEW))


@pytest.mark.parametrize("hands", [alone, executors(sent, most=FEW)], ids=["alone", "executors"])
def test_a_model_that_cannot_be_compared_is_refused_by_anybody(
    evaluate: Evaluate, hands: Hands
) -> None:
    with pytest.raises(ModelRefused, match="40 of 50 predictions are not finite"):
        evaluate(NO_NUMBERS, hands)


def test_shares_have_every_row_once_and_in_order(store: MountedStore, tmp_path: Path) -> None:
    rows = pd.DataFrame({"n": range(230)})
    in_files(rows, tmp_path / "holdout")
    whole = everything(store, f"{ROOT}/holdout")
    shares = list(cut(store, whole, most=FEW))
    counts = [[len(each) for each in batches(store, share)] for share in shares]
    assert counts == [[50, 50], [50, 50], [30]]
    found = [n for share in shares for each in batches(store, share) for n in each["n"].to_pylist()]
    assert found == list(range(230))
    assert [n for each in batches(store, whole) for n in each["n"].to_pylist()] == found


def test_rows_that_are_not_there_are_no_rows_to_compare_on(store: MountedStore) -> None:
    data = DataSpec(train="", holdout=f"{ROOT}/holdout", label="target")
    with pytest.raises(ModelRefused, match="has no rows"):
        label_of(store, data.holdout, data)
