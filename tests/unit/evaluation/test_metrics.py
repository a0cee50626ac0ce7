"""Metrics are those of scikit-learn, and their errors are those of resampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from tasks.evaluation.metrics import Floats, Integers, Metric, Undefined, measure
from tasks.evaluation.uncertainty import spread

THEIRS = {
    Metric.ROC_AUC: sklearn.roc_auc_score,
    Metric.AVERAGE_PRECISION: sklearn.average_precision_score,
    Metric.LOG_LOSS: sklearn.log_loss,
    Metric.BRIER: sklearn.brier_score_loss,
    Metric.ACCURACY: lambda truth, scores: sklearn.accuracy_score(truth, scores >= 0.5),
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
