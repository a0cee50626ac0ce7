"""How far a model's quantities, or classes, are from the truth: as promised, and when labels come.

A quantity's error has no largest value, and a test that may be looked at at any time needs one: in
it an error counts as at most the 99th percentile of those on held-out rows. A rise of the largest
hundredth alone is thus not found by it; the mean error, which is told beside it, has them whole.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from blocks.contracts import Frozen
from tasks.data import ProblemType
from tasks.labels import class_name

LARGEST = 0.99  # quantile of the errors on held-out rows, that an error counts as at most

Floats = npt.NDArray[np.float64]


class Quality(Frozen):
    """What a model promised on held-out rows, and how its live answers are measured against it."""

    problem_type: ProblemType
    error: float  # mean absolute error in the unit of the label, or the share of wrong classes
    bound: float  # in the sequential test an error counts as at most this
    rows: int
    order: tuple[str, ...] = ()  # classes by their places, where a server keeps places

    @property
    def words(self) -> str:
        """What the error is, for people."""
        quantity = self.problem_type is ProblemType.REGRESSION
        return "mean absolute error" if quantity else "share of wrong classes"

    def gaps(self, predictions: npt.ArrayLike, truth: npt.ArrayLike) -> Floats:
        """Return how far captured predictions are above the truth; of classes 1 where wrong."""
        if self.problem_type is ProblemType.REGRESSION:
            return np.asarray(predictions, np.float64) - np.asarray(truth, np.float64)
        places = {str(place): name for place, name in enumerate(self.order)}
        kept = [class_name(each) for each in np.asarray(predictions).tolist()]
        named = [places.get(each, each) for each in kept]
        true = [class_name(each) for each in np.asarray(truth).tolist()]
        return np.array([one != other for one, other in zip(named, true, strict=True)], np.float64)

    def losses(self, gaps: Floats) -> Floats:
        """Return losses in 0..1, the largest errors cut."""
        found: Floats = np.minimum(np.abs(gaps), self.bound) / self.bound
        return found


class MeasuredErrors(Frozen):
    """Performance with labels, of a quantity or of several classes."""

    rows: int
    error: float
    low: float  # 95 % interval of the mean
    high: float
    bias: float | None  # mean of prediction less truth; None of classes
    loss: float  # mean loss, 0..1, the largest errors cut


def promised(kind: ProblemType, gaps: Floats, order: tuple[str, ...] = ()) -> Quality:
    """Return what a model promises by what it did on rows held out."""
    errors, bound = np.abs(gaps), 1.0
    if kind is ProblemType.REGRESSION:
        bound = float(np.quantile(errors, LARGEST)) or float(errors.max()) or 1.0
    return Quality(
        problem_type=kind, error=float(errors.mean()), bound=bound, rows=len(gaps), order=order
    )


def measure(quality: Quality, gaps: Floats) -> MeasuredErrors:
    """Return the performance on rows whose labels are known."""
    errors = np.abs(gaps)
    mean, spread = float(errors.mean()), float(errors.std(ddof=min(1, len(errors) - 1)))
    width = float(norm.isf(0.025)) * spread / len(errors) ** 0.5
    return MeasuredErrors(
        rows=len(gaps),
        error=mean,
        low=mean - width,
        high=mean + width,
        bias=float(gaps.mean()) if quality.problem_type is ProblemType.REGRESSION else None,
        loss=float(quality.losses(gaps).mean()),
    )
