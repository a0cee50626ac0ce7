"""How far a mean of rows may be from the truth, also where there are few of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from tasks.evaluation.metrics import Floats, Integers

STRAIGHT = 1e-6  # skewness that bends nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The error of a sum of stratum means.

    ``cautious`` is the error with one more row of the greatest change up and one down in each
    stratum: rows that all agree prove less than they seem to (Agresti and Caffo, The American
    Statistician 54, 2000; Bonett and Price, J. Educational and Behavioral Statistics 37, 2012).
    """

    error: float
    cautious: float
    degrees: float
    units: int  # independent observations in the smallest stratum
    skew: float  # third cumulant of the estimate, by its error cubed; 0 where it is left out

    def below(self, gap: float) -> float:
        """P-value against "the mean is zero or more" for an estimate of ``gap``.

        It is never smaller than the signs of so few rows could make it if all of them agreed.
        """
        if self.error == 0:
            p = 0.0 if gap < 0 else 1.0
        else:
            p = float(stdtr(self.degrees, gap / self.error))
        return max(p, 0.5**self.units)

    def reach(self, alpha: float) -> float:
        """Half the width of a careful interval: each side is wrong with a chance of ``alpha``."""
        return float(stdtrit(self.degrees, 1 - alpha)) * self.cautious

    def reach_below(self, alpha: float) -> float:
        """How far below the estimate the truth may be, with a chance of ``alpha`` beyond.

        The mean of skewed rows is skewed, and goes along with its own error: Hall (On the removal
        of skewness by transformation, JRSS B 54, 1992) bends t, which his cubic undoes here.
        """
        straight = self.reach(alpha)
        if self.error == 0 or abs(self.skew) < STRAIGHT:
            return straight
        bent = 1 + self.skew * (straight / self.error - self.skew / 6)
        return 3 * self.error / self.skew * (math.cbrt(bent) - 1)

    def growth_to(self, wanted: float) -> float:
        """By what factor the rows must grow until ``cautious`` is ``wanted``.

        The rows' own variance falls with their number, that of the added ones with its square.
        """
        own, added = self.error**2, self.cautious**2 - self.error**2
        return (own + math.sqrt(own**2 + 4 * added * wanted**2)) / (2 * wanted**2)


def spread(
    shares: Floats, strata: Integers, clusters: Integers | None = None, *, skewed: bool = False
) -> Spread:
    """Return the error of the mean shares (rows,), summed over the strata (rows,).

    Degrees of freedom are Welch's and Satterthwaite's, which Brunner and Munzel (Biometrical
    Journal 42, 2000) use for areas. With clusters the rows of one are one observation (Obuchowski,
    Biometrics 53, 1997).
    """
    counts = np.bincount(strata)
    means = np.bincount(strata, weights=shares) / np.maximum(counts, 1)
    centred = shares - means[strata]
    if clusters is None:
        units = counts[counts > 0]
        own, degrees = _of_rows(centred, strata)
        third = float(((centred / counts[strata]) ** 3).sum())
    else:
        units = np.array([len(np.unique(clusters[strata == each])) for each in np.unique(strata)])
        own, degrees, third = _of_clusters(centred / counts[strata], clusters)
    most = max(1.0, float(np.abs(shares).max()))
    added = float((2 * (most / (units + 2)) ** 2).sum())
    return Spread(
        error=math.sqrt(own),
        cautious=math.sqrt(own + added),
        degrees=max(degrees, 1.0),
        units=int(units.min()),
        skew=third / own**1.5 if skewed and own > 0 else 0.0,
    )


def _of_rows(centred: Floats, strata: Integers) -> tuple[float, float]:
    counts = np.bincount(strata)
    used = counts > 0
    squares, counts = np.bincount(strata, weights=centred**2)[used], counts[used]
    spare = np.maximum(counts - 1, 1)
    parts = squares / spare / counts
    around = float((parts**2 / spare).sum())
    own = float(parts.sum())
    return own, own**2 / around if around > 0 else float(counts.min() - 1)


def _of_clusters(parts: Floats, clusters: Integers) -> tuple[float, float, float]:
    _, place = np.unique(clusters, return_inverse=True)
    sums = np.bincount(place, weights=parts)
    spare = max(len(sums) - 1, 1)
    return float((sums**2).sum()) * len(sums) / spare, float(spare), float((sums**3).sum())
