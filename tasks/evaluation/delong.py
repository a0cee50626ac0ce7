"""Areas under ROC curves with their covariance, so that two models can be told apart.

DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); the fast form by mid-ranks is Sun and Xu,
IEEE Signal Processing Letters 21 (2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]


def areas(truth: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """Return the area of each model and the covariance matrix of the areas.

    ``truth`` has shape (rows,) with 0 and 1, ``scores`` (models, rows). Raises ValueError unless
    there are at least two rows of each class.
    """
    positive, negative = scores[:, truth == 1], scores[:, truth == 0]
    m, n = positive.shape[1], negative.shape[1]
    if min(m, n) < 2:
        raise ValueError(f"{m} positive and {n} negative rows; at least 2 of each are needed")
    among_positive = np.vstack([rankdata(row) for row in positive])
    among_negative = np.vstack([rankdata(row) for row in negative])
    among_all = np.vstack([rankdata(row) for row in np.hstack([positive, negative])])
    found = among_all[:, :m].sum(axis=1) / (m * n) - (m + 1) / (2 * n)
    of_positive = (among_all[:, :m] - among_positive) / n
    of_negative = 1 - (among_all[:, m:] - among_negative) / m
    covariance = np.atleast_2d(np.cov(of_positive)) / m + np.atleast_2d(np.cov(of_negative)) / n
    return found, covariance
