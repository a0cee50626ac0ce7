"""Metrics are those of scikit-learn, and their errors are those of resampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from tasks.data import ProblemType
from tasks.evaluation.figures import of_classes
from tasks.evaluation.metrics import (
    Floats,
    Integers,
    Metric,
    Undefined,
    measure,
    metric_of,
)
from tasks.evaluation.uncertainty import spread

THEIRS = {
    Metric.ROC_AUC: sklearn.roc_auc_score,
    Metric.AVERAGE_PRECISION: sklearn.average_precision_score,
    Metric.LOG_LOSS: sklearn.log_loss,
    Metric.BRIER: sklearn.brier_score_loss,
    Metric.ACCURACY: lambda truth, scores: sklearn.accuracy_score(truth, scores >= 0.5),
    Metric.ABSOLUTE_ERROR: sklearn.mean_absolute_error,
    Metric.SQUARED_ERROR: sklearn.mean_squared_error,
}


def rows(count: int, seed: int, *, ties: bool) -> tuple[Integers, Floats]:
    """Return truth (count,) and scores (2, count) of two models that know something."""
    random = np.random.default_rng(seed)
    truth = np.r_[[0, 0, 1, 1], (random.random(count - 4) < 0.3)].astype(np.int64)
    scores = 1 / (1 + np.exp(-random.normal(truth, 1.0, (2, count))))
    return truth, scores.round(1 if ties else 9)


@pytest.mark.parametrize("metric", Metric)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(8, 300), ties=st.booleans())
def test_metrics_are_those_of_sklearn(metric: Metric, seed: int, count: int, ties: bool) -> None:
    truth, scores = rows(count, seed, ties=ties)
    found = measure(metric, truth, scores)
    assert found.found == pytest.approx([THEIRS[metric](truth, row) for row in scores])


@pytest.mark.parametrize("metric", Metric)
def test_the_error_of_a_difference_is_that_of_many_samples(metric: Metric) -> None:
    gaps, errors = [], []
    for seed in range(300):
        truth, scores = rows(400, seed, ties=False)
        found = measure(metric, truth, scores)
        gaps.append(found.found[1] - found.found[0])
        errors.append(spread(found.shares[1] - found.shares[0], found.strata).error)
    assert np.mean(errors) == pytest.approx(np.std(gaps), rel=0.12)  # itself known to 4 %


@pytest.mark.parametrize("metric", [Metric.ROC_AUC, Metric.AVERAGE_PRECISION])
def test_rows_of_one_class_have_no_ranking(metric: Metric) -> None:
    with pytest.raises(Undefined, match="two rows of each class"):
        measure(metric, np.ones(10, dtype=np.int64), np.zeros((2, 10)))


def of_three(count: int, seed: int) -> tuple[Integers, Floats]:
    """Return places of three classes (count,) and chances (2, count, 4), the last one of none."""
    random = np.random.default_rng(seed)
    truth = np.r_[[0, 1, 2], random.integers(0, 3, count - 3)]
    weights = random.exponential(1, (2, count, 3))
    weights[:, np.arange(count), truth] += 1
    chances = weights / weights.sum(axis=2, keepdims=True)
    return truth, np.concatenate([chances, np.zeros((2, count, 1))], axis=2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(5, 200))
def test_metrics_of_several_classes_are_those_of_sklearn(seed: int, count: int) -> None:
    truth, scores = of_three(count, seed)
    theirs: Mapping[Metric, Callable[[Floats], float]] = {
        Metric.LOG_LOSS: lambda row: sklearn.log_loss(truth, row[:, :3], labels=[0, 1, 2]),
        Metric.BRIER: lambda row: sklearn.brier_score_loss(truth, row[:, :3], scale_by_half=False),
        Metric.ACCURACY: lambda row: sklearn.accuracy_score(truth, row.argmax(axis=1)),
    }
    for metric, their in theirs.items():
        found = measure(metric, truth, scores).found
        assert found == pytest.approx([their(row) for row in scores])


def test_figures_of_several_classes_are_those_of_sklearn() -> None:
    truth, scores = of_three(500, 1)
    found, chances = of_classes(truth, scores[0], chances=True), scores[0][:, :3]
    assert found == pytest.approx(
        {
            "accuracy": sklearn.accuracy_score(truth, chances.argmax(axis=1)),
            "balanced_accuracy": sklearn.balanced_accuracy_score(truth, chances.argmax(axis=1)),
            "macro_f1": sklearn.f1_score(truth, chances.argmax(axis=1), average="macro"),
            "log_loss": sklearn.log_loss(truth, chances),
            "top_2_accuracy": sklearn.top_k_accuracy_score(truth, chances, k=2),
        }
    )


def test_the_metric_that_is_not_named_is_that_of_what_is_predicted() -> None:
    asked = Metric.ROC_AUC
    assert metric_of(asked, ProblemType.BINARY) is Metric.ROC_AUC
    assert metric_of(asked, ProblemType.MULTICLASS) is Metric.LOG_LOSS
    assert metric_of(asked, ProblemType.MULTICLASS, chances=False) is Metric.ACCURACY
    assert metric_of(asked, ProblemType.REGRESSION) is Metric.ABSOLUTE_ERROR
    with pytest.raises(Undefined, match="none of regression"):
        metric_of(Metric.BRIER, ProblemType.REGRESSION)
    with pytest.raises(Undefined, match="of probabilities"):
        metric_of(Metric.LOG_LOSS, ProblemType.MULTICLASS, chances=False)
