"""Metrics of several models on the same rows, each split into what single rows add to it.

With the shares of the rows the difference of two models has a standard error without resampling:
DeLong's for areas under the ROC curve, the influence function for average precision, the plain one
for means.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Metric(StrEnum):
    """How good scores are."""

    ROC_AUC = "roc_auc"
    AVERAGE_PRECISION = "average_precision"
    LOG_LOSS = "log_loss"
    BRIER = "brier"
    ACCURACY = "accuracy"

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if self in {Metric.LOG_LOSS, Metric.BRIER} else 1

    @property
    def probabilities(self) -> bool:
        """Whether it has a meaning for scores in 0..1 only."""
        return self in {Metric.LOG_LOSS, Metric.BRIER}

    @property
    def words(self) -> str:
        """What people call it."""
        return {"roc_auc": "ROC area", "brier": "Brier score"}.get(self, self.replace("_", " "))


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
    """Measure ``scores`` (models, rows) by ``truth`` (rows,) of 0 and 1. Raises Undefined."""
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
    least = np.finfo(np.float64).eps  # as scikit-learn: a wrong 0 costs 36, not infinitely much
    clipped = np.clip(scores, least, 1 - least)
    return np.asarray(-np.where(truth == 1, np.log(clipped), np.log1p(-clipped)))
