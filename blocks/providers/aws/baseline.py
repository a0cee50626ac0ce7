"""What SageMaker's own monitor compares traffic with: statistics and constraints of some rows.

Both are in the schemas that AWS publishes:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Columns = Mapping[str, Sequence[Any]]  # values by name; None is missing

SKETCHED = 2048  # values in one level of a sketch
BUCKETS = 10
MOST_VALUES = 100  # a text of more is no category: its values are not listed
_NUMBERS = ("Integral", "Fractional")


def statistics_of(columns: Columns) -> dict[str, Any]:
    """Return what ``statistics.json`` holds of these rows."""
    columns = {name: [_told(each) for each in values] for name, values in columns.items()}
    rows = max((len(values) for values in columns.values()), default=0)
    features = [_feature(name, values) for name, values in columns.items()]
    return {"version": 0, "dataset": {"item_count": rows}, "features": features}


def constraints_of(
    statistics: Mapping[str, Any], *, drift: bool, quality: bool, distance: float
) -> dict[str, Any]:
    """Return what ``constraints.json`` holds, so that rows like these break none.

    ``distance`` is how far two distributions may be apart, at the point where they are farthest.
    """
    features = [_constraint(each, quality=quality) for each in statistics["features"]]
    settings = settings_of(drift=drift, quality=quality, distance=distance)
    return {"version": 0, "features": features, "monitoring_config": settings}


def settings_of(*, drift: bool, quality: bool, distance: float) -> dict[str, Any]:
    """Return which checks are made, and how strictly."""
    share = 1.0 if quality else 0.0
    return {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Disabled",
        "datatype_check_threshold": share,
        "domain_content_threshold": share,
        "distribution_constraints": {
            "perform_comparison": "Enabled" if drift else "Disabled",
            "comparison_threshold": distance,
            "comparison_method": "Simple",
            "categorical_comparison_threshold": distance,
            "categorical_drift_method": "LInfinity",
        },
    }


def type_of(value: Any) -> str:
    """Return what the monitor calls the type of a value."""
    if isinstance(value, str):
        return "String"
    if isinstance(value, int):
        return "Integral"
    return "Fractional" if isinstance(value, float) else "Unknown"


def is_missing(value: Any) -> bool:
    """Whether there is no value."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _told(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value  # the monitor knows no truth values


def _feature(name: str, values: Sequence[Any]) -> dict[str, Any]:
    present = [each for each in values if not is_missing(each)]
    kinds = {type_of(each) for each in present}
    common = {"num_present": len(present), "num_missing": len(values) - len(present)}
    if kinds and kinds <= {*_NUMBERS}:
        kind = "Integral" if kinds == {"Integral"} else "Fractional"
        numbers = np.asarray(present, dtype=float)
        return {
            "name": name,
            "inferred_type": kind,
            "numerical_statistics": {"common": common, **_numerical(numbers)},
        }
    told = _categorical(present) if kinds == {"String"} else {"distinct_count": 0.0}
    return {
        "name": name,
        "inferred_type": "String" if kinds == {"String"} else "Unknown",
        "string_statistics": {"common": common, **told},
    }


def _numerical(numbers: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    counts, edges = np.histogram(numbers, bins=BUCKETS)
    buckets = [
        {"lower_bound": low, "upper_bound": high, "count": count}
        for low, high, count in zip(
            edges[:-1].tolist(), edges[1:].tolist(), counts.astype(float).tolist(), strict=True
        )
    ]
    sketch = {"parameters": {"c": 0.64, "k": float(SKETCHED)}, "data": _sketch(np.sort(numbers))}
    return {
        "mean": float(numbers.mean()),
        "sum": float(numbers.sum()),
        "std_dev": float(numbers.std()),
        "min": float(numbers.min()),
        "max": float(numbers.max()),
        "distribution": {"kll": {"buckets": buckets, "sketch": sketch}},
    }


def _sketch(ordered: np.ndarray[Any, np.dtype[np.float64]]) -> list[list[float]]:
    """Return levels of values, where each value of level i stands for 2^i of the rows.

    Karnin, Lang and Liberty, Optimal quantile approximation in streams (2016): of ordered rows
    every 2^i-th is taken, and what is left over is kept as it is.
    """
    level = max(0, math.ceil(math.log2(max(1, len(ordered)) / SKETCHED)))
    step = 1 << level
    whole = len(ordered) // step * step
    if not level:
        return [[float(each) for each in ordered]]
    rest = [float(each) for each in ordered[whole:]]
    middle = [float(each) for each in ordered[step // 2 : whole : step]]
    return [rest, *([] for _ in range(level - 1)), middle]


def _categorical(values: Sequence[str]) -> dict[str, Any]:
    counts = Counter(values)
    told: dict[str, Any] = {"distinct_count": float(len(counts))}
    if len(counts) <= MOST_VALUES:
        buckets = [{"value": value, "count": count} for value, count in counts.most_common()]
        told["distribution"] = {"categorical": {"buckets": buckets}}
    return told


def _constraint(feature: Mapping[str, Any], *, quality: bool) -> dict[str, Any]:
    told = feature.get("numerical_statistics") or feature["string_statistics"]
    common = told["common"]
    rows = common["num_present"] + common["num_missing"]
    constraint = {
        "name": feature["name"],
        "inferred_type": feature["inferred_type"],
        "completeness": common["num_present"] / rows if rows and quality else 0.0,
    }
    found = told.get("distribution", {}).get("categorical")
    if found and quality:
        constraint["string_constraints"] = {"domains": [each["value"] for each in found["buckets"]]}
    return constraint
