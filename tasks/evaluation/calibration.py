"""Whether a score of 0.3 comes true three times in ten."""

from __future__ import annotations

import numpy as np

from blocks.contracts import Frozen
from tasks.evaluation.metrics import Floats

BINS = 15


class Bin(Frozen):
    """Rows with about the same score."""

    rows: int
    score: float  # mean
    rate: float  # share that came true


class Calibration(Frozen):
    """The reliability curve, and how far it is from the diagonal."""

    bins: tuple[Bin, ...]
    error: float  # mean of |rate - score|, weighted by rows


def calibration(truth: np.ndarray, scores: Floats) -> Calibration:
    """Return the curve in bins of equally many rows.

    The expected calibration error of Naeini, Cooper and Hauskrecht (AAAI 2015); bins of equal count
    are less noisy than their bins of equal width (Nguyen and O'Connor, EMNLP 2015).
    """
    order = np.argsort(scores, kind="stable")
    bins = tuple(
        Bin(rows=len(part), score=float(scores[part].mean()), rate=float(truth[part].mean()))
        for part in np.array_split(order, min(BINS, len(order)))
        if len(part)
    )
    error = sum(each.rows * abs(each.rate - each.score) for each in bins) / max(len(order), 1)
    return Calibration(bins=bins, error=error)
