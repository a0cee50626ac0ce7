"""Metrics of several models on the same rows, each split into what single rows add to it.

With the shares of the rows the difference of two models has a standard error without resampling:
DeLong's for areas under the ROC curve, the influence function for average precision, the plain one
for means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tasks.data import ProblemType

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST = np.finfo(np.float64).eps  # as scikit-learn: a wrong 0 costs 36, not infinitely much


class Metric(StrEnum):
    """How good scores are."""

    ROC_AUC = "roc_auc"
    AVERAGE_PRECISION = "average_precision"
    LOG_LOSS = "log_loss"
    BRIER = "brier"
    ACCURACY = "accuracy"
    ABSOLUTE_ERROR = "absolute_error"
    SQUARED_ERROR = "squared_error"

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if self.relative or self.probabilities else 1

    @property
    def relative(self) -> bool:
        """Whether it has a unit, so that gains and margins are shares of the champion's."""
        return self in OF[ProblemType.REGRESSION]

    @property
    def probabilities(self) -> bool:
        """Whether it has a meaning for scores in 0..1 only."""
        return self in {Metric.LOG_LOSS, Metric.BRIER}

    @property
    def words(self) -> str:
        """What people call it."""
        named = {"roc_auc": "ROC area", "brier": "Brier score"}
        named |= {"absolute_error": "mean absolute error", "squared_error": "mean squared error"}
        return named.get(self, self.replace("_", " "))


OF: Mapping[ProblemType, tuple[Metric, ...]] = {
    ProblemType.BINARY: (
        Metric.ROC_AUC,
        Metric.AVERAGE_PRECISION,
        Metric.LOG_LOSS,
        Metric.BRIER,
        Metric.ACCURACY,
    ),
    ProblemType.MULTICLASS: (Metric.LOG_LOSS, Metric.BRIER, Metric.ACCURACY),
    ProblemType.REGRESSION: (Metric.ABSOLUTE_ERROR, Metric.SQUARED_ERROR),
}
"""Metrics by what is predicted; the first one is taken where none is named."""

FIGURES: Mapping[ProblemType, tuple[str, ...]] = {
    ProblemType.BINARY: (),
    ProblemType.MULTICLASS: (
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "log_loss",
        "top_2_accuracy",
    ),
    ProblemType.REGRESSION: (
        "mae",
        "rmse",
        "r2",
        "d2_absolute_error",
        "median_absolute_error",
        "bias",
    ),
}
"""What else is told of a model, and may have a limit."""

LESS = {"mae", "rmse", "median_absolute_error", "bias", "log_loss"}
"""Figures of which less is better; of the bias its size."""


def metric_of(asked: Metric, kind: ProblemType, *, chances: bool = True) -> Metric:
    """Return the metric to compare by. The ROC area, the default, stands for that of the kind.

    Of models that answer classes without chances it is the accuracy. Raises Undefined.
    """
    if asked is Metric.ROC_AUC:
        return OF[kind][0] if chances else Metric.ACCURACY
    if asked not in OF[kind]:
        raise Undefined(f"{asked.words} is none of {kind}; take one of {', '.join(OF[kind])}")
    if asked.probabilities and not chances:
        raise Undefined(f"{asked.words} is of probabilities; the models answer classes")
    return asked


class Undefined(ValueError):
    """The rows have too few of a class for this metric to exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric (models,), the shares of the rows in it (models, rows), their strata (rows,).

    The metric's error is that of the shares' mean, taken within each stratum and summed over them.
    """

    found: Floats
    shares: Floats
    strata: Integers


def measure(metric: Metric, truth: Integers, scores: Floats, *, threshold: float = 0.5) -> Measured:
    """Measure ``scores`` (models, rows) by ``truth`` (rows,) of 0 and 1. Raises Undefined.

    Of several classes scores are (models, rows, classes) and the truth is the place of the class;
    of a quantity the truth is any number.
    """
    if metric.relative or scores.ndim == 3:
        if len(truth) < 2:
            raise Undefined("it needs at least two rows")
        shares = (
            _of_numbers(metric, truth, scores)
            if metric.relative
            else _of_classes(metric, truth, scores)
        )
        strata = np.zeros(len(truth), dtype=np.int64)
        return Measured(found=shares.mean(axis=1), shares=shares, strata=strata)
    positives = int(truth.sum())
    least = min(positives, len(truth) - positives)
    if metric is Metric.ROC_AUC:
        if least < 2:
            raise Undefined("it needs at least two rows of each class")
        return _areas(truth, scores)
    if len(truth) < 2 or (metric is Metric.AVERAGE_PRECISION and least < 2):
        raise Undefined("it needs at least two rows of each class")
    if metric is Metric.AVERAGE_PRECISION:
        found, shares = _average_precision(truth, scores)
    else:
        shares = _row_by_row(metric, truth, scores, threshold)
        found = shares.mean(axis=1)
    return Measured(found=found, shares=shares, strata=np.zeros(len(truth), dtype=np.int64))


def area(truth: Integers, scores: Floats) -> float:
    """Return the area under the ROC curve of scores (rows,). Raises Undefined."""
    return float(measure(Metric.ROC_AUC, truth, scores[np.newaxis]).found[0])


def _areas(truth: Integers, scores: Floats) -> Measured:
    """Areas under ROC curves. A row's share is the part of the other class that it is ahead of.

    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); the fast form by mid-ranks is Sun and
    Xu, IEEE Signal Processing Letters 21 (2014).
    """
    positive = truth == 1
    count = int(positive.sum())
    shares = np.empty(scores.shape)
    for row, share in zip(scores, shares, strict=True):
        whole = rankdata(row)
        share[positive] = (whole[positive] - rankdata(row[positive])) / (len(row) - count)
        share[~positive] = 1 - (whole[~positive] - rankdata(row[~positive])) / count
    return Measured(found=shares[:, positive].mean(axis=1), shares=shares, strata=truth)


def _average_precision(truth: Integers, scores: Floats) -> tuple[Floats, Floats]:
    """Average precision as a functional of the distribution, and its influence function.

    With precision p(s) = P(Y=1 | S>=s), AP = E[p(S) | Y=1]. Its influence at (y, s), by the rule
    for ratios of expectations (Hampel, JASA 69, 1974), is
    [y p(s) + y E[Y'/N(S'); S'<=s] - E[Y' p(S')/N(S'); S'<=s] - y AP] / P(Y=1), N(s) = P(S>=s).
    """
    found, shares = np.empty(len(scores)), np.empty(scores.shape)
    base = truth.mean()
    for model, row in enumerate(scores):
        _, place, rows = np.unique(-row, return_inverse=True, return_counts=True)
        positives = np.bincount(place, weights=truth)
        ahead = np.cumsum(rows)
        precision = np.cumsum(positives) / ahead
        behind = _from_here_on(positives / ahead)
        behind_precision = _from_here_on(positives * precision / ahead)
        average = float((positives * precision).sum() / positives.sum())
        gain = truth * (precision + behind)[place] - behind_precision[place] - truth * average
        found[model], shares[model] = average, average + gain / base
    return found, shares


def _from_here_on(values: Floats) -> Floats:
    found: Floats = np.cumsum(values[::-1])[::-1]
    return found


def _row_by_row(metric: Metric, truth: Integers, scores: Floats, threshold: float) -> Floats:
    if metric is Metric.ACCURACY:
        return np.asarray((scores >= threshold) == truth, dtype=np.float64)
    if metric is Metric.BRIER:
        return np.asarray((scores - truth) ** 2)
    clipped = np.clip(scores, LEAST, 1 - LEAST)
    return np.asarray(-np.where(truth == 1, np.log(clipped), np.log1p(-clipped)))


def _of_numbers(metric: Metric, truth: np.ndarray, scores: Floats) -> Floats:
    apart: Floats = np.abs(scores - truth)
    return apart if metric is Metric.ABSOLUTE_ERROR else apart**2


def _of_classes(metric: Metric, truth: Integers, scores: Floats) -> Floats:
    """Log loss, Brier score (its sum over the classes; Brier, 1950) and accuracy of each row."""
    rows = np.arange(len(truth))
    if metric is Metric.ACCURACY:
        return np.asarray(scores.argmax(axis=2) == truth, dtype=np.float64)
    if metric is Metric.BRIER:
        wanted = np.zeros(scores.shape[1:])
        wanted[rows, truth] = 1
        return np.asarray(((scores - wanted) ** 2).sum(axis=2))
    return np.asarray(-np.log(np.clip(scores[:, rows, truth], LEAST, 1)))
