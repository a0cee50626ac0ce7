"""How far the values of a column are from those of a baseline, as Vertex AI measures it.

https://cloud.google.com/vertex-ai/docs/model-monitoring/overview: numbers by the divergence of
Jensen and Shannon over histograms, texts by the greatest difference of a share (L-infinity).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

JENSEN_SHANNON, L_INFINITY = "jensen_shannon_divergence", "l_infinity"
NUMBERS = frozenset({"float", "integer"})

_BINS = 10  # of a histogram, equally wide over both sets


def distance(metric: str, baseline: Sequence[Any], target: Sequence[Any], *, kind: str) -> float:
    """Return the distance of two sets of values; missing ones do not count. Neither is empty."""
    here, there = _kept(baseline, kind), _kept(target, kind)
    if not here or not there:
        return 0.0 if here == there else 1.0
    if kind in NUMBERS:
        edges = min(*here, *there), max(*here, *there)
        here, there = _binned(here, *edges), _binned(there, *edges)
    shares = _shares(here), _shares(there)
    return _jensen_shannon(*shares) if metric == JENSEN_SHANNON else _l_infinity(*shares)


def _kept(values: Sequence[Any], kind: str) -> list[Any]:
    present = [each for each in values if each is not None and each != ""]
    if kind not in NUMBERS:
        return [str(each) for each in present]
    return [number for number in map(float, present) if math.isfinite(number)]


def _binned(values: Sequence[float], low: float, high: float) -> list[int]:
    width = (high - low) / _BINS or 1.0
    return [min(int((each - low) / width), _BINS - 1) for each in values]


def _shares(values: Sequence[Any]) -> Mapping[Any, float]:
    return {value: count / len(values) for value, count in Counter(values).items()}


def _l_infinity(one: Mapping[Any, float], other: Mapping[Any, float]) -> float:
    return max(abs(one.get(each, 0.0) - other.get(each, 0.0)) for each in {*one, *other})


def _jensen_shannon(one: Mapping[Any, float], other: Mapping[Any, float]) -> float:
    """Return it in bits, from 0 to 1. J. Lin, IEEE Transactions on Information Theory 37 (1991)."""
    total = 0.0
    for each in {*one, *other}:
        mean = (one.get(each, 0.0) + other.get(each, 0.0)) / 2
        for share in (one.get(each, 0.0), other.get(each, 0.0)):
            total += share * math.log2(share / mean) / 2 if share else 0.0
    return total
