"""What a profile of a table is, and how far two are apart, in the terms of Databricks' tables.

https://docs.databricks.com/aws/en/lakehouse-monitoring/monitor-output
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Said = dict[str, Any]
Numbers = npt.NDArray[np.float64]

_BINS = 10  # quantiles of the baseline, by which the stability index counts
_LEAST = 1e-4  # share that stands for none: its logarithm counts


def profile(values: Sequence[Any]) -> Said:
    """Return the statistics of one column."""
    kept = [each for each in values if each is not None]
    told: Said = {
        "count": len(values),
        "num_nulls": len(values) - len(kept),
        "distinct_count": len(set(kept)),
        "percent_null": 100 * (len(values) - len(kept)) / len(values) if values else 0.0,
        "percent_distinct": 100 * len(set(kept)) / len(values) if values else 0.0,
    }
    if kept and is_numeric(kept):
        numbers = np.asarray(kept, float)
        told |= {
            "avg": float(numbers.mean()),
            "min": float(numbers.min()),
            "max": float(numbers.max()),
            "stddev": float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0,
            "num_zeros": int((numbers == 0).sum()),
        }
    return told


def drift(values: Sequence[Any], baseline: Sequence[Any]) -> Said:
    """Return how far a column is from its baseline."""
    now, before = profile(values), profile(baseline)
    told: Said = {
        "count_delta": now["count"] - before["count"],
        "percent_null_delta": now["percent_null"] - before["percent_null"],
        "percent_distinct_delta": now["percent_distinct"] - before["percent_distinct"],
    }
    here = [each for each in values if each is not None]
    there = [each for each in baseline if each is not None]
    if not here or not there:
        return told
    if is_numeric(here) and is_numeric(there):
        return told | _of_numbers(np.asarray(here, float), np.asarray(there, float))
    return told | _of_words(Counter(map(str, here)), Counter(map(str, there)))


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether these are numbers."""
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)


def _of_numbers(here: Numbers, there: Numbers) -> Said:
    everything = np.sort(np.concatenate([here, there]))
    shares = [
        np.searchsorted(np.sort(each), everything, side="right") / len(each)
        for each in (here, there)
    ]
    apart = np.abs(shares[0] - shares[1])
    return {
        "avg_delta": float(here.mean() - there.mean()),
        "ks_statistic": float(apart.max()),
        "wasserstein_distance": float((apart[:-1] * np.diff(everything)).sum()),
        "population_stability_index": _stability(here, there),
    }


def _stability(here: Numbers, there: Numbers) -> float:
    """Return the population stability index over the quantiles of the baseline."""
    edges = np.unique(np.quantile(there, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, each, side="right"), minlength=len(edges) + 1)
        for each in (here, there)
    ]
    now, before = (np.maximum(each / each.sum(), _LEAST) for each in counts)
    return float(((now - before) * np.log(now / before)).sum())


def _of_words(here: Mapping[str, int], there: Mapping[str, int]) -> Said:
    names = sorted({*here, *there})
    now, before = (
        np.asarray([each.get(name, 0) for name in names], float) / sum(each.values())
        for each in (here, there)
    )
    apart = np.abs(now - before)
    middle = (now + before) / 2
    divergence = (_entropy(now, middle) + _entropy(before, middle)) / 2
    return {
        "tv_distance": float(apart.sum() / 2),
        "l_infinity_distance": float(apart.max()),
        "js_distance": math.sqrt(max(0.0, divergence)),
    }


def _entropy(shares: Numbers, of: Numbers) -> float:
    there = shares > 0
    return float((shares[there] * np.log2(shares[there] / of[there])).sum())
