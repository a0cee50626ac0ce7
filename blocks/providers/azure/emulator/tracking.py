"""The workspace's MLflow server: MLflow's own, but for the metrics that monitors keep there.

Under Azure's path and behind its tokens. What runs keep as artifacts has an address of Azure's.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from blocks.emulation.mlflow_server import MlflowServer
from blocks.providers.azure.emulator.launch import LOCATION
from blocks.providers.azure.emulator.operations import ML, WORKSPACE, Asked, Route, Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

_HOME = f"/mlflow/v1.0{WORKSPACE}api/2.0/mlflow"
_FILTER = re.compile(r"tags\.`([^`]+)` = '([^']*)'")
# What a run keeps, as MLflow's server says it; Azure has another word in it.
_FILES = re.compile(
    r"azureml://[^/\"]+(/mlflow/[^\"]+/experiments/[^/\"]+)/([0-9a-f]{32})/artifacts"
)
_PAGE = 100
_API = "/api/2.0/mlflow"
_METHODS = ("GET", "POST", "PATCH", "DELETE")
_KINDS = (  # of what else is asked for, and which permission is for it
    ("(?:registered-models|model-versions)/.*search.*", "models/versions"),
    ("(?:registered-models|model-versions)/.+", "models/versions"),
    (".*search.*", "experiments/runs"),
    (".+", "experiments/runs"),
)


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
        home = world.resource("experiments")
        artifacts = f"azureml://{LOCATION}.api.azureml.ms/mlflow/v2.0{home}"
        self._server = MlflowServer(world.folder / "tracking", artifacts=artifacts)
        self._series: dict[tuple[str, ...], Series] = {}
        self._experiments: dict[str, str] = {}  # ids by name

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        asked = (
            ("GET", "experiments/get-by-name", "experiments", self.experiment),
            ("POST", "runs/search", "experiments/runs", self.search),
            ("GET", "metrics/get-history", "experiments/runs", self.history),
        )
        ours = [
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
        return [*ours, *self._theirs()]

    def _theirs(self) -> Iterator[Route]:
        """Yield what MLflow's own server answers: it has a lock of its own."""
        for path, kind in _KINDS:
            for method in _METHODS:
                reads = "read" if method == "GET" or "search" in path else "write"
                yield Route(
                    service="mlflow",
                    method=method,
                    path=f"{_HOME}/(?P<rest>{path})",
                    operation=f"{kind}.{reads}",
                    action=f"{ML}/{kind}/{reads}",
                    handler=self._answer,
                    locked=False,
                )

    def _answer(self, asked: Asked) -> Response:
        answer = self._server.answer(asked.request, f"{_API}/{asked['rest']}")
        here = urlsplit(self._world.url).netloc
        told = _FILES.sub(
            rf"azureml://{here}\g<1>/runs/\g<2>/artifacts", answer.get_data(as_text=True)
        )
        answer.set_data(told)
        return answer

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

    def experiment(self, asked: Asked) -> Said | Response:
        """Tell of an experiment."""
        name = asked.request.args.get("experiment_name", "")
        if name not in self._experiments:
            return self._server.answer(asked.request, f"{_API}/experiments/get-by-name")
        found = {"experiment_id": self._experiments[name], "name": name}
        return {"experiment": {**found, "lifecycle_stage": "active"}}

    def search(self, asked: Asked) -> Said | Response:
        """Tell the runs of experiments that have a tag, some at a time."""
        body = asked.body or {}
        if not set(body.get("experiment_ids") or ()) & set(self._experiments.values()):
            return self._server.answer(asked.request, f"{_API}/runs/search")
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

    def history(self, asked: Asked) -> Said | Response:
        """Tell all values of one metric of a run."""
        run, key = (asked.request.args.get(each, "") for each in ("run_id", "metric_key"))
        found = next((each for each in self._series.values() if each.id == run), None)
        if found is None:
            return self._server.answer(asked.request, f"{_API}/metrics/get-history")
        return {"metrics": [_metric(key, *each) for each in found.values.get(key, ())]}


def _run(series: Series) -> Said:
    latest = [_metric(name, *values[-1]) for name, values in series.values.items()]
    tags = [{"key": name, "value": value} for name, value in series.tags.items()]
    info = {"run_id": series.id, "experiment_id": series.experiment, "status": "FINISHED"}
    return {"info": info, "data": {"metrics": latest, "tags": tags}}


def _metric(name: str, step: int, value: float) -> Said:
    return {"key": name, "value": value, "timestamp": step * 1000, "step": step}
