"""What people ask of a model besides the metric it is compared by, through scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn import metrics

from tasks.evaluation.metrics import LEAST, Floats, Integers


def of_quantity(truth: Floats, scores: Floats) -> Mapping[str, float]:
    """Return the figures of a quantity (rows,), in its own unit but for r2 and d2.

    Those say which part of the error of the best constant is gone: of the mean, of the median.
    """
    return {
        "mae": float(metrics.mean_absolute_error(truth, scores)),
        "rmse": float(metrics.root_mean_squared_error(truth, scores)),
        "r2": float(metrics.r2_score(truth, scores)),
        "d2_absolute_error": float(metrics.d2_absolute_error_score(truth, scores)),
        "median_absolute_error": float(metrics.median_absolute_error(truth, scores)),
        "bias": float((scores - truth).mean()),
    }


def of_classes(truth: Integers, scores: Floats, *, chances: bool) -> Mapping[str, float]:
    """Return the figures of classes (rows,), from scores (rows, classes + 1)."""
    known, likeliest = np.arange(scores.shape[1] - 1), scores.argmax(axis=1)
    found = {
        "accuracy": float(metrics.accuracy_score(truth, likeliest)),
        "balanced_accuracy": float(np.mean(recalls(truth, scores))),
        "macro_f1": float(
            metrics.f1_score(truth, likeliest, labels=known, average="macro", zero_division=0)
        ),
    }
    if not chances:
        return found
    right = np.clip(scores[np.arange(len(truth)), truth], LEAST, 1)
    second = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    return {
        **found,
        "log_loss": float(-np.log(right).mean()),
        "top_2_accuracy": float((second == truth[:, np.newaxis]).any(axis=1).mean()),
    }


def recalls(truth: Integers, scores: Floats) -> list[float]:
    """Return the share of each class that was found."""
    likeliest = scores.argmax(axis=1)
    return [
        float((likeliest[truth == place] == place).mean())
        for place in range(scores.shape[1] - 1)
        if (truth == place).any()
    ]
