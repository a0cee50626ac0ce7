"""What runs in place of AWS's Clarify: bias of a data set, or what a model's answers hang on.

It reads the configuration of the real one, computes what that computes, and leaves
``analysis.json`` in its schema; it writes no report for the eye:
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-run.html
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blocks.providers.aws.emulator.analyzed_rows import path_of
from blocks.providers.aws.emulator.clarify_bias import METRICS, Rows, measured
from blocks.providers.aws.emulator.clarify_predictor import fetched, predictor
from blocks.providers.aws.emulator.clarify_shap import shapley

Told = Mapping[str, Any]
_HOME = "/opt/ml/processing"
_STAGES = {"pre_training_bias": "label", "post_training_bias": "predicted_label"}
_AGGREGATED = "mean_abs"


class _NotEmulated(SystemExit):
    """The real one would do it; this one does not."""


def main() -> None:
    """Do what the configuration says, and leave what was found."""
    config = json.loads(path_of(f"{_HOME}/input/config/analysis_config.json").read_text())
    output = path_of(f"{_HOME}/output")
    output.mkdir(parents=True, exist_ok=True)
    if config["dataset_type"] != "application/x-parquet":
        raise _NotEmulated(f"not emulated: dataset_type {config['dataset_type']}")
    rows = _rows(path_of(f"{_HOME}/input/data"))
    analysis: dict[str, Any] = {"version": "1.0"}
    for method, settings in config["methods"].items():
        if method in _STAGES:
            analysis[f"{method}_metrics"] = _bias(config, rows, method, settings["methods"])
        elif method == "shap":
            analysis["explanations"] = {"kernel_shap": _explained(config, rows, settings, output)}
        elif method != "report":
            raise _NotEmulated(f"not emulated: {method}")
    (output / "analysis.json").write_text(json.dumps(analysis))


def _rows(folder: Path) -> pd.DataFrame:
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    return pd.concat([pd.read_parquet(each) for each in files], ignore_index=True)


def _bias(config: Told, rows: pd.DataFrame, stage: str, methods: list[str]) -> dict[str, Any]:
    """Return the metrics of one stage for every facet."""
    if unknown := sorted({*methods} - {*METRICS}):
        raise _NotEmulated(f"not emulated: {', '.join(unknown)}")
    wanted = config["label_values_or_threshold"]
    positive = rows[config["label"]].isin(wanted).to_numpy()
    guessed = config.get("predicted_label") if stage == "post_training_bias" else None
    group = config.get("group_variable")
    facets: dict[str, list[dict[str, Any]]] = {}
    for facet in config["facet"]:
        name, values = facet["name_or_index"], facet["value_or_threshold"]
        told = Rows(
            sensitive=rows[name].isin(values).to_numpy(),
            positive=positive,
            predicted=rows[guessed].isin(wanted).to_numpy() if guessed else None,
            group=rows[group].to_numpy() if group else None,
        )
        found = {"value_or_threshold": _words(values), "metrics": measured(methods, told)}
        facets.setdefault(name, []).append(found)
    return {
        "label": config[_STAGES[stage]],
        "facets": facets,
        "label_value_or_threshold": _words(wanted),
    }


def _explained(config: Told, rows: pd.DataFrame, settings: Told, output: Path) -> dict[str, Any]:
    """Ask the model about every row, and return how much each feature counts on the whole."""
    if settings.get("agg_method", _AGGREGATED) != _AGGREGATED or settings.get("use_logit"):
        raise _NotEmulated(f"emulated is {_AGGREGATED} of plain predictions alone")
    left_out = {config["label"], *config.get("excluded_columns", ())}
    features = rows[[name for name in rows.columns if name not in left_out]]
    baseline = fetched(settings["baseline"])[list(features.columns)]
    with predictor(config["predictor"]) as predict:
        found = [shapley(predict, row, baseline) for row in _each(features)]
        expected = float(np.mean(predict(_each(baseline))))
    values = np.array(found)
    if settings.get("save_local_shap_values", True):
        _keep(output / "explanations_shap" / "out.csv", list(features.columns), values)
    shares = np.abs(values).mean(axis=0).tolist()
    told = dict(zip(features.columns, shares, strict=True))
    return {"label0": {"global_shap_values": told, "expected_value": expected}}


def _each(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): each for name, each in row.items()} for row in rows.to_dict("records")]


def _keep(file: Path, names: list[str], values: np.ndarray[Any, Any]) -> None:
    file.parent.mkdir(parents=True)
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([f"{name}_label0" for name in names])
        writer.writerows(values.tolist())


def _words(values: list[Any]) -> str:
    return ",".join(str(each) for each in values)


if __name__ == "__main__":
    main()
