"""What runs in place of AWS's model monitor: captured traffic held against a baseline.

It reads and writes the files of the real one, in the schemas that AWS publishes, and takes the
distance of two distributions where they are farthest apart, as the method ``Simple`` does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from blocks.providers.aws.baseline import (
    Columns,
    constraints_of,
    is_missing,
    statistics_of,
    type_of,
)
from blocks.providers.aws.emulator.analyzed_rows import columns_here, path_of, place

Told = Mapping[str, Any]
_DISTANCE = 0.1  # that the image suggests
_MATCHES = {"Fractional": {"Fractional", "Integral"}, "Integral": {"Integral"}}


def main() -> None:
    """Suggest a baseline where there is none yet, else look at what was captured."""
    columns = columns_here()
    statistics = statistics_of(columns)
    if "baseline_constraints" not in os.environ:
        _report(statistics=statistics, constraints=suggested(statistics))
        _say("Completed: Job completed successfully with no violations.")
        return
    baseline = json.loads(place("baseline_statistics").read_text())
    constraints = json.loads(place("baseline_constraints").read_text())
    found = list(violations(columns, statistics, baseline, constraints))
    _report(statistics=statistics, constraints=constraints)
    if not found:
        _say("Completed: Job completed successfully with no violations.")
        return
    _report(constraint_violations={"violations": found})
    words = f"Job completed successfully with {len(found)} violations."
    _say(f"CompletedWithViolations: {words}")


def suggested(statistics: Told) -> dict[str, Any]:
    """Return constraints that rows like these keep, as the image suggests them by itself."""
    told = constraints_of(statistics, drift=True, quality=True, distance=_DISTANCE)
    numbers = {
        each["name"]: each["numerical_statistics"]["min"] >= 0
        for each in statistics["features"]
        if "numerical_statistics" in each
    }
    for each in told["features"]:
        if each["name"] in numbers:
            each["num_constraints"] = {"is_non_negative": numbers[each["name"]]}
    told["monitoring_config"]["emit_metrics"] = "Enabled"
    told["monitoring_config"]["distribution_constraints"]["comparison_method"] = "Robust"
    return told


def violations(
    columns: Columns, statistics: Told, baseline: Told, constraints: Told
) -> Iterator[dict[str, str]]:
    """Yield every constraint that the columns break."""
    settings = constraints["monitoring_config"]
    now, then = _by_name(statistics), _by_name(baseline)
    known = _by_name(constraints)
    for name, constraint in known.items():
        values = [each for each in columns.get(name, ()) if not is_missing(each)]
        if name not in columns:
            yield _broken(name, "missing_column_check", "The column is not in the current data.")
            continue
        share = len(values) / max(1, len(columns[name]))
        if share < constraint.get("completeness", 0.0):
            told = f"completeness: {share} is below {constraint['completeness']}"
            yield _broken(name, "completeness_check", f"Data {told}")
        if values:
            yield from _of_values(name, values, constraint, settings)
            yield from _of_distribution(name, now[name], then[name], settings)
    for name in columns:
        if name not in known:
            yield _broken(name, "extra_column_check", "The column is not in the baseline.")


def _of_values(
    name: str, values: Sequence[Any], constraint: Told, settings: Told
) -> Iterator[dict[str, str]]:
    kind = constraint["inferred_type"]
    fits = _MATCHES.get(kind, {kind})
    share = sum(type_of(each) in fits for each in values) / len(values)
    if kind != "Unknown" and share < settings["datatype_check_threshold"]:
        told = f"Expected data type: {kind}. Observed: only {100 * share:.2f}% of data is {kind}."
        yield _broken(name, "data_type_check", f"Data type match requirement is not met. {told}")
    domain = constraint.get("string_constraints", {}).get("domains")
    if domain is not None:
        share = sum(str(each) in domain for each in values) / len(values)
        if share < settings["domain_content_threshold"]:
            told = f"{100 * (1 - share):.2f}% of the values are not in the baseline."
            yield _broken(name, "categorical_values_check", told)


def _of_distribution(name: str, now: Told, then: Told, settings: Told) -> Iterator[dict[str, str]]:
    asked = settings["distribution_constraints"]
    if asked["perform_comparison"] != "Enabled":
        return
    distance, limit = _distance(now, then), asked["comparison_threshold"]
    if "string_statistics" in now:
        limit = asked["categorical_comparison_threshold"]
    if distance is not None and distance > limit:
        told = f"Baseline drift distance: {distance} exceeds threshold: {limit}"
        yield _broken(name, "baseline_drift_check", told)


def _distance(now: Told, then: Told) -> float | None:
    """Return how far apart two distributions are where they are farthest; None: not comparable."""
    if "numerical_statistics" in now and "numerical_statistics" in then:
        (here, weigh), (there, weights) = (_sketched(each) for each in (now, then))
        points = np.concatenate([here, there])
        mine, theirs = _cumulated(here, weigh, points), _cumulated(there, weights, points)
        return float(np.abs(mine - theirs).max())
    here_, there_ = _shares(now), _shares(then)
    if here_ is None or there_ is None:
        return None
    return max(abs(here_.get(each, 0) - there_.get(each, 0)) for each in {*here_, *there_})


def _sketched(feature: Told) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the values of a sketch and for how many rows each of them stands."""
    levels = feature["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"]
    values = np.concatenate([np.asarray(each, dtype=float) for each in levels])
    weights = np.concatenate([np.full(len(each), 2.0**n) for n, each in enumerate(levels)])
    order = np.argsort(values)
    return values[order], weights[order]


def _cumulated(
    values: np.ndarray[Any, Any], weights: np.ndarray[Any, Any], points: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    found: np.ndarray[Any, Any] = sums[np.searchsorted(values, points, side="right")] / sums[-1]
    return found


def _shares(feature: Told) -> dict[str, float] | None:
    told = feature.get("string_statistics", {}).get("distribution")
    if told is None:
        return None
    buckets = told["categorical"]["buckets"]
    whole = sum(each["count"] for each in buckets)
    return {each["value"]: each["count"] / whole for each in buckets}


def _report(**reports: Told) -> None:
    output = place("output_path")
    output.mkdir(parents=True, exist_ok=True)
    for name, report in reports.items():
        (output / f"{name}.json").write_text(json.dumps(report))


def _say(words: str) -> None:
    message = path_of("/opt/ml/output/message")
    message.parent.mkdir(parents=True, exist_ok=True)
    message.write_text(words)


def _by_name(told: Told) -> dict[str, Told]:
    return {each["name"]: each for each in told["features"]}


def _broken(name: str, kind: str, words: str) -> dict[str, str]:
    return {"feature_name": name, "constraint_check_type": kind, "description": words}


if __name__ == "__main__":
    main()
