"""The bias metrics of SageMaker Clarify, by the formulas that AWS publishes.

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-data-bias.html
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-post-training-bias.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Whose rows they are, what they were labelled with, and what was predicted: all by row."""

    sensitive: Flags
    positive: Flags
    predicted: Flags | None = None
    group: npt.NDArray[Any] | None = None

    def side(self, *, sensitive: bool) -> Rows:
        """Return the rows of the sensitive group alone, or of the others."""
        kept = self.sensitive == sensitive
        predicted = None if self.predicted is None else self.predicted[kept]
        return Rows(sensitive=kept[kept], positive=self.positive[kept], predicted=predicted)


Metric = Callable[[Rows, Rows, Rows], float]  # of the others, of the sensitive group, of all


def measured(names: Sequence[str], rows: Rows) -> list[dict[str, Any]]:
    """Return each metric as the report has it; one that cannot be computed says why."""
    return [
        {
            "name": name,
            "description": f"{METRICS[name][0]} ({name})",
            **_value(METRICS[name][1], rows),
        }
        for name in names
    ]


def _value(metric: Metric, rows: Rows) -> dict[str, Any]:
    others, sensitive = rows.side(sensitive=False), rows.side(sensitive=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(metric(others, sensitive, rows))
    if np.isfinite(value):
        return {"value": value}
    return {"value": None, "error": "the metric is not defined for these rows"}


def _imbalance(a: Rows, d: Rows, _: Rows) -> float:
    return (len(a.positive) - len(d.positive)) / (len(a.positive) + len(d.positive))


def _shares(rows: Rows) -> npt.NDArray[np.float64]:
    share = np.float64(rows.positive.mean())
    return np.array([1 - share, share])


def _divergence(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    kept = p > 0
    return float((p[kept] * np.log(p[kept] / q[kept])).sum())


def _jensen_shannon(a: Rows, d: Rows, _: Rows) -> float:
    p, q = _shares(a), _shares(d)
    middle = (p + q) / 2
    return (_divergence(p, middle) + _divergence(q, middle)) / 2


def _apart(a: Rows, d: Rows) -> npt.NDArray[np.float64]:
    return _shares(a) - _shares(d)


def _count(flags: Flags) -> np.float64:
    return np.float64(flags.sum())


def _guess(rows: Rows) -> Flags:
    assert rows.predicted is not None  # noqa: S101 - these metrics are of predictions
    return rows.predicted


def _rate(part: Flags, whole: Flags) -> np.float64:
    return _count(part & whole) / _count(whole)


def _acceptance(rows: Rows) -> np.float64:
    return _count(rows.positive) / _count(_guess(rows))


def _rejection(rows: Rows) -> np.float64:
    return _count(~rows.positive) / _count(~_guess(rows))


def _accuracy(rows: Rows) -> np.float64:
    return np.float64((rows.positive == _guess(rows)).mean())


def _treatment(rows: Rows) -> np.float64:
    guess = _guess(rows)
    return _count(rows.positive & ~guess) / _count(~rows.positive & guess)


def _disparity(positive: Flags, rows: Rows) -> float:
    """Return the demographic disparity within each group, weighed by the sizes of the groups."""
    assert rows.group is not None  # noqa: S101 - asked for with a group alone
    found = 0.0
    for name in np.unique(rows.group):
        inside = rows.group == name
        some, among = positive[inside], rows.sensitive[inside]
        found += inside.sum() * float(_rate(among, ~some) - _rate(among, some))
    return found / len(positive)


METRICS: Mapping[str, tuple[str, Metric]] = {
    "CI": ("Class Imbalance", _imbalance),
    "DPL": ("Difference in Proportions of Labels", lambda a, d, _: float(_apart(a, d)[1])),
    "KL": ("Kullback-Liebler Divergence", lambda a, d, _: _divergence(_shares(a), _shares(d))),
    "JS": ("Jensen-Shannon Divergence", _jensen_shannon),
    "LP": ("L-p Norm", lambda a, d, _: float(np.linalg.norm(_apart(a, d)))),
    "TVD": ("Total Variation Distance", lambda a, d, _: float(np.abs(_apart(a, d)).sum() / 2)),
    "KS": ("Kolmogorov-Smirnov Distance", lambda a, d, _: float(np.abs(_apart(a, d)).max())),
    "CDDL": (
        "Conditional Demographic Disparity in Labels",
        lambda _a, _d, rows: _disparity(rows.positive, rows),
    ),
    "DPPL": (
        "Difference in Positive Proportions in Predicted Labels",
        lambda a, d, _: float(_guess(a).mean() - _guess(d).mean()),
    ),
    "DI": ("Disparate Impact", lambda a, d, _: float(_guess(d).mean() / _guess(a).mean())),
    "DCA": (
        "Difference in Conditional Acceptance",
        lambda a, d, _: float(_acceptance(a) - _acceptance(d)),
    ),
    "DCR": (
        "Difference in Conditional Rejection",
        lambda a, d, _: float(_rejection(d) - _rejection(a)),
    ),
    "RD": (
        "Recall Difference",
        lambda a, d, _: float(_rate(_guess(a), a.positive) - _rate(_guess(d), d.positive)),
    ),
    "DAR": (
        "Difference in Acceptance Rates",
        lambda a, d, _: float(_rate(a.positive, _guess(a)) - _rate(d.positive, _guess(d))),
    ),
    "DRR": (
        "Difference in Rejection Rates",
        lambda a, d, _: float(_rate(~d.positive, ~_guess(d)) - _rate(~a.positive, ~_guess(a))),
    ),
    "AD": ("Accuracy Difference", lambda a, d, _: float(_accuracy(a) - _accuracy(d))),
    "TE": ("Treatment Equality", lambda a, d, _: float(_treatment(d) - _treatment(a))),
    "CDDPL": (
        "Conditional Demographic Disparity in Predicted Labels",
        lambda _a, _d, rows: _disparity(_guess(rows), rows),
    ),
}
