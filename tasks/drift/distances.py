"""Distances between two samples, computed from their counts alone.

Counts are of the same bins in the same order (numbers), or of the same values in any order
(categories). An empty sample is at distance NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from tasks.drift.histogram import Counts, Floats


def shares(counts: npt.NDArray[np.number]) -> Floats:
    """Return counts as shares of their sum along the last axis; NaN where there is none."""
    values = np.asarray(counts, dtype=np.float64)
    total = values.sum(axis=-1, keepdims=True)
    found: Floats = np.divide(values, total, out=np.full_like(values, np.nan), where=total > 0)
    return found


def stability(reference: Counts, current: Counts) -> float:
    """Return the population stability index, sum of (q - p) ln(q / p), over ten or so bins.

    Source: Siddiqi, Credit Risk Scorecards, 2006. An empty bin would make it infinite; as is
    usual, half a row is added to every bin.
    """
    p, q = shares(reference + 0.5), shares(current + 0.5)
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(reference: Floats, current: Floats) -> Floats:
    """Return the Jensen-Shannon distance (the root, base 2: 0 to 1) of shares, on the last axis.

    Source: Lin, IEEE Transactions on Information Theory 37, 1991; Endres and Schindelin, 2003.
    """
    middle = (reference + current) / 2
    divergence = (_relative_entropy(reference, middle) + _relative_entropy(current, middle)) / 2
    return np.asarray(np.sqrt(np.maximum(divergence, 0)))


def kolmogorov_smirnov(reference: Floats, current: Floats) -> Floats:
    """Return the largest distance of two distribution functions, from shares in order.

    Source: Smirnov, Annals of Mathematical Statistics 19, 1948. Differences inside a bin do not
    count, so it is never larger than the exact one.
    """
    return np.asarray(np.abs(np.cumsum(current - reference, axis=-1)).max(axis=-1))


def wasserstein(reference: Floats, current: Floats, middles: Floats) -> float:
    """Return the mean distance rows have to be moved, in the unit of ``middles``.

    Source: Vallender, Theory of Probability and its Applications 18, 1974: in one dimension, the
    area between the distribution functions. Rows at infinity are left where they are.
    """
    finite = np.isfinite(middles)
    below = np.abs(np.cumsum(current - reference)[finite])
    return float((below[:-1] * np.diff(middles[finite])).sum())


def largest_change(reference: Floats, current: Floats) -> Floats:
    """Return the largest change of any share: the L-infinity distance, on the last axis."""
    return np.asarray(np.abs(current - reference).max(axis=-1))


def chi_square(reference: Counts, current: Counts) -> tuple[float, float]:
    """Return Pearson's statistic of two samples and its p-value; bins empty in both do not count.

    Source: Pearson, Philosophical Magazine 50, 1900, as a test of homogeneity: both samples are
    random. It says whether there is a difference, not whether it matters.
    """
    table = np.stack([reference, current]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    total = table.sum()
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return float("nan"), float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, float(chi2.sf(statistic, table.shape[1] - 1))


def _relative_entropy(p: Floats, q: Floats) -> Floats:
    # where p > 0, q is at least p / 2
    ratio = np.divide(
        p, q, out=np.ones(np.broadcast_shapes(p.shape, q.shape)), where=(p > 0) & (q > 0)
    )
    result: Floats = (p * np.log2(ratio)).sum(axis=-1)
    return result
