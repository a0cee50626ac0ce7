"""Champion and challenger of several classes and of a quantity: from saved models to the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import mlflow.sklearn
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from blocks.contracts import ModelVersion, TrainingResult
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from blocks.workload import digest
from tasks.data import DataSpec, ProblemType
from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.evaluated import evaluated
from tasks.evaluation.gates import Answer
from tasks.evaluation.metrics import Metric
from tasks.evaluation.report import EvaluationReport
from tasks.evaluation.spec import EvaluationSpec, LatencySpec

Evaluate = Callable[..., EvaluationReport]
QUICK = LatencySpec(requests=20)


class MixesUp(LogisticRegression):  # type: ignore[misc]  # scikit-learn has no types
    """Takes one of two kinds for the other."""

    def fit(self, rows: pd.DataFrame, truth: pd.Series) -> LogisticRegression:
        other = {"versicolor": "virginica", "virginica": "versicolor"}
        return super().fit(rows, truth.replace(other))


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Return what fits two models to the even rows and compares them on the odd ones."""
    store = LocalStore(machine=LocalMachine(workspace=tmp_path / "workspace"))

    def compared(
        rows: pd.DataFrame, champion: Any, challenger: Any, spec: EvaluationSpec, **saved: Any
    ) -> EvaluationReport:
        train, held = rows.iloc[::2], rows.iloc[1::2]
        held.to_parquet(tmp_path / "holdout.parquet")
        uri = (tmp_path / "holdout.parquet").as_uri()
        old, new = (
            save(Path(mkdtemp(dir=tmp_path)) / "model", model, train, **saved)
            for model in (champion, challenger)
        )
        return evaluated(
            store,
            spec,
            DataSpec(train=uri, holdout=uri, label="target", slices=("half",)),
            challenger=TrainingResult(model_uri=new.as_uri(), digest=digest(new)),
            champion=ModelVersion(name="m", version="1", uri=old.as_uri(), digest=digest(old)),
            price=None,
            place=f"{store.root}/evaluation",
        )

    return compared


def save(folder: Path, model: Any, train: pd.DataFrame, **saved: Any) -> Path:
    inputs = train.drop(columns=["target", "half"])
    model.fit(inputs, train["target"])
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=infer_signature(inputs, getattr(model, "predict_proba", model.predict)(inputs)),
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
        **saved,
    )
    return folder


def flowers() -> pd.DataFrame:
    found = load_iris(as_frame=True)
    names = found.target.map(dict(enumerate(found.target_names)))
    rows = found.data.assign(target=names).sample(frac=1, random_state=1)
    return in_halves(pd.concat([rows] * 4, ignore_index=True))


def patients() -> pd.DataFrame:
    found = load_diabetes(as_frame=True)
    rows = found.data.assign(target=found.target + 0.5)
    return in_halves(rows)


def in_halves(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(half=["ab"[number // 2 % 2] for number in range(len(rows))])


def test_the_chances_of_two_classes_are_those_that_a_server_answers(evaluate: Evaluate) -> None:
    """A model that is saved with ``pyfunc_predict_fn`` answers by it, here as there."""
    rows = flowers()
    rows = rows[rows["target"] != "setosa"].assign(target=rows["target"] == "virginica")
    rows = rows[["petal width (cm)", "sepal width (cm)", "target", "half"]]
    rows["target"] = rows["target"].astype(int)
    weak = LogisticRegression(C=0.001)
    spec = EvaluationSpec(latency=QUICK)
    report = evaluate(rows, weak, weak, spec, pyfunc_predict_fn="predict_proba")
    held = rows.iloc[1::2]
    chances = weak.predict_proba(held.drop(columns=["target", "half"]))[:, 1]
    assert report.auc == pytest.approx(roc_auc_score(held["target"], chances))
    assert report.auc > roc_auc_score(held["target"], chances > 0.5)


def test_several_classes_are_compared_by_their_chances(evaluate: Evaluate) -> None:
    spec = EvaluationSpec(latency=QUICK, margin=0.05, limits={"macro_f1": 0.9})
    poor, good = DummyClassifier(), LogisticRegression(max_iter=500)
    report = evaluate(flowers(), poor, good, spec, pyfunc_predict_fn="predict_proba")
    assert (report.problem_type, report.metric) == (ProblemType.MULTICLASS, Metric.LOG_LOSS)
    assert report.passed, report.reasons
    assert report.figures["accuracy"] > 0.9
    assert set(report.recalls) == {"setosa", "versicolor", "virginica"}
    assert report.calibration is not None
    assert set(report.plots) == {"curves", "slices", "classes"}
    assert "| setosa | 1.0000 |" in report.markdown()


def test_each_class_is_compared_with_the_rest_by_the_area_of_its_chances(
    evaluate: Evaluate,
) -> None:
    spec = EvaluationSpec(latency=QUICK, margin=0.05)
    poor, good = LogisticRegression(C=0.01), LogisticRegression(max_iter=500)
    rows = flowers()
    report = evaluate(rows, poor, good, spec, pyfunc_predict_fn="predict_proba")
    held = rows.iloc[1::2]
    chances = good.predict_proba(held.drop(columns=["target", "half"]))
    assert report.class_metric is Metric.ROC_AUC
    for place, (name, gate) in enumerate(zip(good.classes_, report.classes, strict=True)):
        assert gate.name == name
        area = roc_auc_score(held["target"] == name, chances[:, place])
        assert gate.challenger == pytest.approx(area)
    assert "## Classes, each against the rest, by ROC area" in report.markdown()


def test_a_model_that_mixes_two_classes_up_is_blocked_by_their_names(evaluate: Evaluate) -> None:
    spec = EvaluationSpec(latency=QUICK, margin=0.5, limits={"balanced_accuracy": 0.0})
    good, bad = LogisticRegression(max_iter=500), MixesUp(max_iter=500)
    report = evaluate(flowers(), good, bad, spec, pyfunc_predict_fn="predict_proba")
    told = [each for each in report.reasons if each.startswith("class ")]
    assert {each.split()[1] for each in told} == {"versicolor", "virginica"}
    alone = evaluate(flowers(), good, bad, spec)
    assert alone.class_metric is Metric.ACCURACY
    told = [each for each in alone.reasons if each.startswith("class ")]
    assert {each.split()[1] for each in told} == {"versicolor", "virginica"}


def test_a_worse_model_of_classes_alone_is_blocked_by_its_accuracy(evaluate: Evaluate) -> None:
    spec = EvaluationSpec(latency=QUICK, margin=0.05)
    report = evaluate(flowers(), LogisticRegression(max_iter=500), DummyClassifier(), spec)
    assert report.metric is Metric.ACCURACY
    assert report.calibration is None
    assert report.overall[0].answer is Answer.FAIL
    assert not report.passed


def test_a_quantity_is_compared_by_shares_of_the_champions_error(evaluate: Evaluate) -> None:
    spec = EvaluationSpec(latency=QUICK, margin=0.05, limits={"mae": 60})
    report = evaluate(patients(), DummyRegressor(strategy="median"), Ridge(alpha=0.1), spec)
    assert (report.problem_type, report.metric) == (ProblemType.REGRESSION, Metric.ABSOLUTE_ERROR)
    assert report.passed, report.reasons
    gate = report.overall[0]
    assert gate.champion is not None
    assert gate.challenger is not None
    assert gate.gain == pytest.approx(1 - gate.challenger / gate.champion)
    assert "gains are shares of the champion's" in report.markdown()
    assert report.metrics()["holdout_mae"] == pytest.approx(gate.challenger)


def test_a_quantity_worse_than_a_constant_may_not_serve(evaluate: Evaluate) -> None:
    spec = EvaluationSpec(latency=QUICK, margin=0.5, limits={"bias": 10})
    bad = DummyRegressor(strategy="constant", constant=250.0)
    report = evaluate(patients(), bad, bad, spec)
    assert {each.split(" is ")[0] for each in report.reasons} == {"d2 absolute error", "bias"}


def test_a_metric_or_a_figure_of_something_else_is_refused(evaluate: Evaluate) -> None:
    model = DummyRegressor()
    with pytest.raises(ModelRefused, match=r"evaluation.metric.*none of regression"):
        evaluate(patients(), model, model, EvaluationSpec(latency=QUICK, metric=Metric.BRIER))
    with pytest.raises(ModelRefused, match=r"evaluation.limits.*macro_f1"):
        evaluate(patients(), model, model, EvaluationSpec(latency=QUICK, limits={"macro_f1": 0.5}))
