"""How far a column of production is from that of a baseline, as Azure's monitors compute it.

https://learn.microsoft.com/azure/machine-learning/concept-model-monitoring
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Values = Sequence[Any]
Metric = Callable[[Values, Values], float]  # of the baseline, of production

NUMERICAL, CATEGORICAL = "Numerical", "Categorical"
_BINS = 10
_LEAST = 1e-6  # share of an empty bin, and the least deviation that is divided by


def kind_of(baseline: Values) -> str:
    """Return whether a column is one of numbers."""
    there = [each for each in baseline if each is not None]
    return NUMERICAL if there and all(_is_number(each) for each in there) else CATEGORICAL


def named(metric: str) -> str:
    """Return the name of a metric; the service does not mind how it begins."""
    return metric[:1].upper() + metric[1:]


def _wasserstein(baseline: Values, production: Values) -> float:
    """Return the distance of two distributions, in deviations of the first."""
    first, second = _numbers(baseline), _numbers(production)
    places = np.sort(np.concatenate([first, second]))
    apart = np.abs(_share(first, places) - _share(second, places))[:-1]
    return float(np.sum(apart * np.diff(places)) / max(float(np.std(first)), _LEAST))


def _kolmogorov(baseline: Values, production: Values) -> float:
    first, second = _numbers(baseline), _numbers(production)
    places = np.concatenate([first, second])
    return float(np.max(np.abs(_share(first, places) - _share(second, places))))


def _share(values: Any, places: Any) -> Any:
    return np.searchsorted(values, places, side="right") / len(values)


def _binned(baseline: Values, production: Values) -> tuple[Any, Any]:
    first, second = _numbers(baseline), _numbers(production)
    edges = np.histogram_bin_edges(np.concatenate([first, second]), _BINS)
    counts = [np.histogram(each, edges)[0] / len(each) for each in (first, second)]
    return counts[0], counts[1]


def _counted(baseline: Values, production: Values) -> tuple[Any, Any]:
    counts = [Counter(str(each) for each in some) for some in (baseline, production)]
    names = sorted({*counts[0], *counts[1]})
    shares = [
        np.array([count[name] for name in names]) / max(1, sum(count.values())) for count in counts
    ]
    return shares[0], shares[1]


def _jensen(shares: tuple[Any, Any]) -> float:
    first, second = shares
    middle = (first + second) / 2
    return math.sqrt(max(0.0, (_entropy(first, middle) + _entropy(second, middle)) / 2))


def _entropy(first: Any, second: Any) -> float:
    there = first > 0
    return float(np.sum(first[there] * np.log2(first[there] / second[there])))


def _stability(shares: tuple[Any, Any]) -> float:
    first, second = (np.maximum(each, _LEAST) for each in shares)
    return float(np.sum((second - first) * np.log(second / first)))


def _missing(baseline: Values, production: Values) -> float:
    return _rate(production, lambda each: each is None)


def _mistyped(baseline: Values, production: Values) -> float:
    numbers = kind_of(baseline) == NUMERICAL
    return _rate(production, lambda each: each is not None and _is_number(each) != numbers)


def _outside(baseline: Values, production: Values) -> float:
    there = [each for each in baseline if each is not None]
    if kind_of(baseline) == CATEGORICAL:
        return _rate(production, lambda each: each is not None and each not in there)
    least, most = min(there), max(there)
    return _rate(production, lambda each: _is_number(each) and not least <= each <= most)


DRIFT: Mapping[str, Mapping[str, Metric]] = {
    NUMERICAL: {
        "NormalizedWassersteinDistance": _wasserstein,
        "TwoSampleKolmogorovSmirnovTest": _kolmogorov,
        "JensenShannonDistance": lambda first, second: _jensen(_binned(first, second)),
        "PopulationStabilityIndex": lambda first, second: _stability(_binned(first, second)),
    },
    CATEGORICAL: {
        "JensenShannonDistance": lambda first, second: _jensen(_counted(first, second)),
        "PopulationStabilityIndex": lambda first, second: _stability(_counted(first, second)),
    },
}
_QUALITY: Mapping[str, Metric] = {
    "NullValueRate": _missing,
    "DataTypeErrorRate": _mistyped,
    "OutOfBoundsRate": _outside,
}
QUALITY: Mapping[str, Mapping[str, Metric]] = {NUMERICAL: _QUALITY, CATEGORICAL: _QUALITY}


def _numbers(values: Values) -> Any:
    return np.sort(np.array([float(each) for each in values if _is_number(each)]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not (isinstance(value, float) and math.isnan(value))


def _rate(values: Values, true: Callable[[Any], bool]) -> float:
    return sum(1 for each in values if true(each)) / max(1, len(values))
