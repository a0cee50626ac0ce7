"""Pass, fail, or too few rows to tell: champion against challenger, overall and slice by slice.

The null hypothesis of a FAIL is that the challenger loses no more than the margin; of a PASS, that
it loses at least the margin (Wellek, Testing Statistical Hypotheses of Equivalence and
Noninferiority, 2010). Neither can be rejected: INCONCLUSIVE, with the rows that would be needed.
Many slices: the FAILs together are wrong with a chance of at most alpha (Holm, Scandinavian
Journal of Statistics 6, 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from blocks.contracts import Frozen
from tasks.evaluation.delong import Floats, areas


class Answer(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105 - an answer
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Gate(Frozen):
    """One comparison, and what it says."""

    name: str
    answer: Answer
    rows: int
    champion: float | None = None  # area under the curve
    challenger: float | None = None
    difference: float | None = None  # challenger - champion
    low: float | None = None  # two-sided interval of the difference at 1 - 2 alpha
    high: float | None = None
    margin: float
    rows_needed: int | None = None  # in all, for the stated power, if the models are equally good
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The rows of one comparison: truth (rows,), champion's and challenger's scores (rows,)."""

    name: str
    truth: NDArray[np.int64]
    champion: Floats
    challenger: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    champion: float
    challenger: float
    error: float  # standard error of the difference


def compare(
    samples: Sequence[Sample], *, margin: float, alpha: float, power: float
) -> tuple[Gate, ...]:
    """Judge all samples together; the answers keep their order."""
    measured = [_measure(sample) for sample in samples]
    worse = [1.0 if one is None else _p_worse(one, margin) for one in measured]
    failed = _holm(worse, alpha)
    return tuple(
        _gate(sample, one, fails, margin=margin, alpha=alpha, power=power)
        for sample, one, fails in zip(samples, measured, failed, strict=True)
    )


def _measure(sample: Sample) -> _Measured | None:
    try:
        found, covariance = areas(sample.truth, np.vstack([sample.champion, sample.challenger]))
    except ValueError:
        return None
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return _Measured(
        champion=float(found[0]),
        challenger=float(found[1]),
        error=math.sqrt(max(float(variance), 0.0)),
    )


def _p_worse(one: _Measured, margin: float) -> float:
    """P-value for "the challenger loses more than the margin"."""
    gap = one.challenger - one.champion + margin
    if one.error == 0:
        return 0.0 if gap < 0 else 1.0
    return float(norm.cdf(gap / one.error))


def _holm(values: Sequence[float], alpha: float) -> list[bool]:
    """Return which p-values are rejected by Holm's step-down procedure."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    rejected = [False] * len(values)
    for step, index in enumerate(order):
        if values[index] > alpha / (len(values) - step):
            break
        rejected[index] = True
    return rejected


def _gate(
    sample: Sample,
    one: _Measured | None,
    fails: bool,
    *,
    margin: float,
    alpha: float,
    power: float,
) -> Gate:
    rows = len(sample.truth)
    if one is None:
        return Gate(
            name=sample.name,
            answer=Answer.INCONCLUSIVE,
            rows=rows,
            margin=margin,
            why="it needs at least two rows of each class",
        )
    z = float(norm.ppf(1 - alpha))
    difference = one.challenger - one.champion
    low, high = difference - z * one.error, difference + z * one.error
    if fails:
        answer, why = Answer.FAIL, f"worse by more than {margin:g}"
    elif low > -margin or (one.error == 0 and low >= -margin):
        answer, why = Answer.PASS, f"not worse by more than {margin:g}"
    else:
        answer, why = Answer.INCONCLUSIVE, "too few rows to tell"
    return Gate(
        name=sample.name,
        answer=answer,
        rows=rows,
        champion=one.champion,
        challenger=one.challenger,
        difference=difference,
        low=low,
        high=high,
        margin=margin,
        rows_needed=_rows_needed(one.error, rows, margin=margin, alpha=alpha, power=power),
        why=why,
    )


def _rows_needed(
    error: float, rows: int, *, margin: float, alpha: float, power: float
) -> int | None:
    """Rows for a PASS with that power if both are equally good; the error falls as 1 / root n."""
    if margin <= 0:
        return None
    wanted = margin / float(norm.ppf(1 - alpha) + norm.ppf(power))
    return math.ceil(rows * (error / wanted) ** 2)
