"""Model folders, and what belongs to them, kept as artifacts of MLflow runs."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.tracking import MlflowClient

from blocks.contracts import Frozen, InvalidRequest, ModelDraft
from blocks.registries.mlflow_access import is_code, patiently

TOKEN = "bluewater.token"  # noqa: S105 - the name of a tag
_TAG_LIMIT = 5000  # characters of a run's tag that every MLflow server takes
_METRICS_AT_ONCE = 500  # MLflow takes a thousand
_MODEL = "model"


class Kept(Frozen):
    """Where a run keeps things."""

    run: str
    source: str  # the model folder, as the run's server calls it
    evidence: Mapping[str, str]  # file name -> URI that can be opened from here


class MlflowRuns:
    """The runs of one MLflow server; one experiment for each model."""

    def __init__(self, client: MlflowClient, *, artifact_root: str | None) -> None:
        self._client, self._artifact_root = client, artifact_root

    def keep(
        self, draft: ModelDraft, folder: Path, evidence: Mapping[str, Path], token: str
    ) -> Kept:
        """Copy the folder and the evidence into a new run.

        Never into a run that is there: another process may have given it to the world already.
        """
        _check(evidence)
        experiment = self._experiment(draft.name)
        tags = {TOKEN: token, "bluewater.digest": draft.digest}
        tags |= {f"lineage.{name}": text[:_TAG_LIMIT] for name, text in draft.lineage.items()}
        name = draft.lineage.get("run") or draft.name
        info = patiently(lambda: self._client.create_run(experiment, tags=tags, run_name=name)).info
        self._log_metrics(info.run_id, draft.metrics)
        self._client.log_artifacts(info.run_id, str(folder), _MODEL)
        for name, file in evidence.items():
            self._log_file(info.run_id, name, file)
        patiently(lambda: self._client.set_terminated(info.run_id))
        root = info.artifact_uri
        kept = {name: self.openable(f"{root}/{name}") for name in evidence}
        return Kept(run=info.run_id, source=f"{root}/{_MODEL}", evidence=kept)

    def discard(self, run: str) -> None:
        """Hide a run that came too late; ``mlflow gc`` removes what it kept."""
        patiently(lambda: self._client.delete_run(run))

    def openable(self, uri: str) -> str:
        """Return a URI that needs no tracking server to be understood."""
        if uri.startswith("mlflow-artifacts:"):
            resolve: Callable[[str, str], str] = MlflowArtifactsRepository.resolve_uri
            return resolve(uri, self._client.tracking_uri)
        return uri

    def _log_metrics(self, run: str, metrics: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        values = [
            Metric(name, value, now, 0) for name, value in metrics.items() if not math.isnan(value)
        ]
        for start in range(0, len(values), _METRICS_AT_ONCE):
            some = values[start : start + _METRICS_AT_ONCE]
            patiently(lambda some=some: self._client.log_batch(run, metrics=some))  # type: ignore[misc]

    def _log_file(self, run: str, name: str, file: Path) -> None:
        """Keep a file, or a folder, under its name as evidence, whatever it is called here."""
        path = PurePosixPath(name)
        place = None if path.parent == PurePosixPath() else str(path.parent)
        if file.is_dir():
            self._client.log_artifacts(run, str(file), name)
        elif file.name == path.name:
            self._client.log_artifact(run, str(file), place)
        else:
            with tempfile.TemporaryDirectory() as folder:
                named = shutil.copyfile(file, Path(folder) / path.name)
                self._client.log_artifact(run, str(named), place)

    def _experiment(self, name: str) -> str:
        known = patiently(lambda: self._client.get_experiment_by_name(name))
        if known is not None:
            return str(known.experiment_id)
        place = f"{self._artifact_root}/{name}" if self._artifact_root else None
        try:
            return str(
                patiently(lambda: self._client.create_experiment(name, artifact_location=place))
            )
        except MlflowException as error:
            if not is_code(error, RESOURCE_ALREADY_EXISTS):
                raise
            return self._experiment(name)  # another process made it at this moment


def _check(evidence: Mapping[str, Path]) -> None:
    """Raise InvalidRequest for evidence that is not there, or that could land on the model."""
    for name, file in evidence.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] == _MODEL:
            raise InvalidRequest(
                f"evidence {name!r}: give it a relative name outside {_MODEL!r}", code="EVIDENCE"
            )
        if not file.exists():
            raise InvalidRequest(f"evidence {name!r}: there is nothing at {file}", code="EVIDENCE")
