"""The workspace's MLflow server, as far as monitors keep their metrics there and others read it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from blocks.providers.azure.emulator.operations import ML, WORKSPACE, Asked, Route, Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

_HOME = f"/mlflow/v1.0{WORKSPACE}api/2.0/mlflow"
_FILTER = re.compile(r"tags\.`([^`]+)` = '([^']*)'")
_PAGE = 100
_NOT_THERE = "RESOURCE_DOES_NOT_EXIST"


@dataclass(slots=True, kw_only=True)
class Series:
    """A run that holds one metric over time. Guarded by the world's lock."""

    id: str
    experiment: str
    tags: Mapping[str, str]
    values: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # by step


class Tracking:
    """Keeps series, and answers MLflow's protocol for them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._series: dict[tuple[str, ...], Series] = {}
        self._experiments: dict[str, str] = {}  # ids by name

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        asked = (
            ("GET", "experiments/get-by-name", "experiments", self.experiment),
            ("POST", "runs/search", "experiments/runs", self.search),
            ("GET", "metrics/get-history", "experiments/runs", self.history),
        )
        return [
            Route(
                service="mlflow",
                method=method,
                path=f"{_HOME}/{path}",
                operation=path.replace("/", "."),
                action=f"{ML}/{kind}/read",
                handler=handler,
            )
            for method, path, kind, handler in asked
        ]

    def log(
        self, experiment: str, tags: Mapping[str, str], step: int, values: Mapping[str, float]
    ) -> None:
        """Keep values of a series at a step."""
        key = (experiment, *(f"{name}={tags[name]}" for name in sorted(tags)))
        number = self._experiments.setdefault(experiment, str(uuid.uuid4()))
        series = self._series.setdefault(
            key, Series(id=str(uuid.uuid4()), experiment=number, tags=dict(tags))
        )
        for name, value in values.items():
            series.values.setdefault(name, []).append((step, value))

    def experiment(self, asked: Asked) -> Said:
        """Tell of an experiment."""
        name = asked.request.args.get("experiment_name", "")
        if name not in self._experiments:
            raise AzureError(_NOT_THERE, f"no experiment {name}", 404)
        found = {"experiment_id": self._experiments[name], "name": name}
        return {"experiment": {**found, "lifecycle_stage": "active"}}

    def search(self, asked: Asked) -> Said:
        """Tell the runs of experiments that have a tag, some at a time."""
        body = asked.body or {}
        wanted = _FILTER.fullmatch(body.get("filter") or "")
        if wanted is None:
            raise AzureError("INVALID_PARAMETER_VALUE", "emulated is a filter of one tag")
        start = int(body.get("page_token") or 0)
        end = start + min(int(body.get("max_results") or _PAGE), _PAGE)
        found = [
            each
            for each in self._series.values()
            if each.experiment in body.get("experiment_ids", ())
            and each.tags.get(wanted[1]) == wanted[2]
        ]
        told: Said = {"runs": [_run(each) for each in found[start:end]]}
        if end < len(found):
            told["next_page_token"] = str(end)
        return told

    def history(self, asked: Asked) -> Said:
        """Tell all values of one metric of a run."""
        run, key = (asked.request.args.get(each, "") for each in ("run_id", "metric_key"))
        found = next((each for each in self._series.values() if each.id == run), None)
        if found is None:
            raise AzureError(_NOT_THERE, f"no run {run}", 404)
        return {"metrics": [_metric(key, *each) for each in found.values.get(key, ())]}


def _run(series: Series) -> Said:
    latest = [_metric(name, *values[-1]) for name, values in series.values.items()]
    tags = [{"key": name, "value": value} for name, value in series.tags.items()]
    info = {"run_id": series.id, "experiment_id": series.experiment, "status": "FINISHED"}
    return {"info": info, "data": {"metrics": latest, "tags": tags}}


def _metric(name: str, step: int, value: float) -> Said:
    return {"key": name, "value": value, "timestamp": step * 1000, "step": step}
