"""What runs in place of AWS's model monitor: captured traffic held against a baseline.

It reads and writes the files of the real one, in the schemas that AWS publishes, and takes the
distance of two distributions where they are farthest apart, as the method ``Simple`` does.
"""

from __future__ import annotations

import json
import os
import runpy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from blocks.providers.aws.baseline import Columns, is_missing, statistics_of, type_of

Told = Mapping[str, Any]
_MOUNT = "/opt/ml/"
_SCRIPT = "record_preprocessor_script"
_SIDES = {"endpoint_input": "endpointInput", "endpoint_output": "endpointOutput"}
_MATCHES = {"Fractional": {"Fractional", "Integral"}, "Integral": {"Integral"}}


def main() -> None:
    """Look at what was captured, and write the three reports."""
    source, output = _at("dataset_source"), _at("output_path")
    rows = list(_rows(source, os.environ.get(_SCRIPT, "")))
    baseline = json.loads(_at("baseline_statistics").read_text())
    constraints = json.loads(_at("baseline_constraints").read_text())
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    statistics = statistics_of(columns)
    found = list(violations(columns, statistics, baseline, constraints))
    output.mkdir(parents=True, exist_ok=True)
    reports = {"statistics": statistics, "constraints": constraints}
    for name, report in reports.items():
        (output / f"{name}.json").write_text(json.dumps(report))
    if found:
        (output / "constraint_violations.json").write_text(json.dumps({"violations": found}))
    words = "Completed: Job completed successfully with no violations."
    if found:
        words = f"CompletedWithViolations: Job completed successfully with {len(found)} violations."
    message = _path(f"{_MOUNT}output/message")
    message.parent.mkdir(parents=True, exist_ok=True)
    message.write_text(words)


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


def _rows(source: Path, script: str) -> Iterator[dict[str, Any]]:
    handler = runpy.run_path(str(_path(script)))["preprocess_handler"] if script else None
    for file in sorted(source.rglob("*.jsonl")):
        for line in file.read_text().splitlines():
            record = json.loads(line)
            found = handler(_handed(record)) if handler else _plain(record)
            yield from [found] if isinstance(found, dict) else found


def _handed(record: Told) -> SimpleNamespace:
    data = record["captureData"]
    told = {
        name: SimpleNamespace(
            data=data[key]["data"],
            encoding=data[key]["encoding"],
            observed_content_type=data[key]["observedContentType"],
        )
        for name, key in _SIDES.items()
        if key in data
    }
    return SimpleNamespace(**told, event_metadata=SimpleNamespace(**record["eventMetadata"]))


def _plain(record: Told) -> dict[str, Any]:
    """Return the one row that a flat JSON object is."""
    data = record["captureData"]
    return {**json.loads(data["endpointInput"]["data"])}


def _by_name(told: Told) -> dict[str, Told]:
    return {each["name"]: each for each in told["features"]}


def _broken(name: str, kind: str, words: str) -> dict[str, str]:
    return {"feature_name": name, "constraint_check_type": kind, "description": words}


def _at(variable: str) -> Path:
    return _path(os.environ[variable])


def _path(place: str) -> Path:
    return Path(os.environ["BLUEWATER_OPT_ML"]) / place.removeprefix(_MOUNT)


if __name__ == "__main__":
    main()
