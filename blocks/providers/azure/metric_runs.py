"""Metrics of a workspace's monitors, as its MLflow server has them: a run for each series.

Azure's monitors tag these runs with the names of monitor, signal, metric and column, and log
``value`` and ``threshold`` at a step that is the second for which the look was due.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.data_plane import DataPlane
from blocks.providers.azure.watching_calls import COLUMN, METRIC, MONITOR, SIGNAL

_NAMES = ("value", "threshold")
_PAGE = 500


class MetricRuns:
    """Reads them over MLflow's own protocol."""

    def __init__(self, account: AzureAccount) -> None:
        self._plane = DataPlane(account)
        self._home = f"{self._plane.url}/mlflow/v1.0{account.resource('api/2.0/mlflow')}"

    def at(self, monitor: str, experiment: str, step: int) -> Sequence[Mapping[str, Any]]:
        """Return tags of every series of a monitor that has a value at a step, and the value."""
        found = []
        number = self._experiment(experiment)
        for run in self._of(monitor, number) if number else ():
            data = run.get("data") or {}
            tags = {each["key"]: each["value"] for each in data.get("tags") or ()}
            if not {SIGNAL, METRIC, COLUMN} <= set(tags):
                continue  # the run that holds the others
            latest = {each["key"]: each for each in data.get("metrics") or ()}
            told = {
                name: self._value(run["info"]["run_id"], latest[name], step)
                for name in _NAMES
                if name in latest
            }
            if told.get("value") is not None:
                found.append({**tags, **told})
        return found

    def _experiment(self, name: str) -> str:
        """Return an experiment's id; empty where none of that name has a metric yet."""
        asked = {"experiment_name": name}
        told = self._plane.find(f"{self._home}/experiments/get-by-name", params=asked)
        return str(told["experiment"]["experiment_id"]) if told is not None else ""

    def _of(self, monitor: str, experiment: str) -> Iterator[Mapping[str, Any]]:
        asked = {
            "experiment_ids": [experiment],
            "filter": f"tags.`{MONITOR}` = '{monitor}'",
            "max_results": _PAGE,
        }
        while True:
            told = self._plane.ask("POST", f"{self._home}/runs/search", json=asked)
            yield from told.get("runs") or ()
            if not told.get("next_page_token"):
                return
            asked = {**asked, "page_token": told["next_page_token"]}

    def _value(self, run: str, latest: Mapping[str, Any], step: int) -> float | None:
        if int(latest["step"]) == step:
            return float(latest["value"])
        asked = {"run_id": run, "metric_key": latest["key"]}
        told = self._plane.ask("GET", f"{self._home}/metrics/get-history", params=asked)
        at_step = [each for each in told.get("metrics") or () if int(each["step"]) == step]
        return float(at_step[-1]["value"]) if at_step else None
