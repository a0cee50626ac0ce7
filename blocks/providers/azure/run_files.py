"""Files of MLflow's runs in a workspace: its run history signs a link for each of them.

``keep_files`` tells MLflow of it; by itself it would be told in every process that imports MLflow,
also where our code comes from elsewhere. Who asks is told by MLflow's own variables, as for
everything else that a run keeps: ``MLFLOW_TRACKING_TOKEN`` and its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from azure.storage.blob import BlobClient
from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.store.artifact import artifact_repository_registry
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request, verify_rest_response

_RUN = re.compile(
    r"azureml://(?P<host>[^/]+)/mlflow/v\d\.0"
    r"(?P<run>/subscriptions/.+/experiments/[^/]+/runs/[^/]+)/artifacts(?P<path>/.*)?"
)
_creds_of: Any = get_default_host_creds  # MLflow leaves both without types
_request: Any = http_request
_AT_ONCE = 50  # files that links are asked for


def keep_files() -> None:
    """Let MLflow's client of this process keep files of runs; Azure's own plugin goes first."""
    if find_spec("azureml") is None:
        known: Any = artifact_repository_registry
        known._artifact_repository_registry.register("azureml", AzureRunFiles)


class AzureRunFiles(ArtifactRepository):
    """What one run keeps."""

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        found = _RUN.fullmatch(artifact_uri)
        if found is None:
            raise MlflowException.invalid_parameter_value(
                f"{artifact_uri} is not of a run in a workspace of Azure Machine Learning; what "
                "else has such an address takes Azure's plugin azureml-mlflow"
            )
        self._creds = _creds_of(f"https://{found['host']}")
        self._home = f"/history/v1.0{found['run']}/artifacts"
        self._inside = PurePosixPath((found["path"] or "").lstrip("/"))

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Keep a file."""
        name = Path(local_file).name
        self._send({self._at(artifact_path, name): Path(local_file)})

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Keep every file of a folder."""
        home = Path(local_dir)
        found = [each for each in sorted(home.rglob("*")) if each.is_file()]
        named = {self._at(artifact_path, each.relative_to(home).as_posix()): each for each in found}
        names = list(named)
        for start in range(0, len(names), _AT_ONCE):
            self._send({name: named[name] for name in names[start : start + _AT_ONCE]})

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what is directly below a path; the service tells no sizes."""
        home, found = PurePosixPath(self._at(path, "")), dict[str, bool]()
        for name in map(PurePosixPath, self._names()):
            if home in name.parents:
                first = name.relative_to(home).parts[0]
                found[first] = found.get(first, False) or name != home / first
        shown = home.relative_to(self._inside)
        return [FileInfo(str(shown / name), is_dir, None) for name, is_dir in sorted(found.items())]

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        asked = {"path": self._at(None, remote_file_path)}
        link = self._ask("GET", f"{self._home}/contentinfo", params=asked)["contentUri"]
        with self._blob(link) as blob, Path(local_path).open("wb") as file:
            blob.download_blob().readinto(file)

    def _send(self, files: Mapping[str, Path]) -> None:
        """Ask for a link to each, and write there."""
        asked = {"paths": [{"path": name} for name in files]}
        told = self._ask("POST", f"{self._home}/batch/metadata", json=asked)
        if errors := told.get("errors"):
            raise MlflowException(f"the workspace takes no such files: {errors}")
        for name, file in files.items():
            link = told["artifactContentInformation"][name]["contentUri"]
            with self._blob(link) as blob, file.open("rb") as content:
                blob.upload_blob(content, overwrite=True)

    def _names(self) -> Iterator[str]:
        """Yield the paths of all files of the run."""
        place: str | None = self._home
        while place:
            told = self._ask("GET", place)
            yield from (str(each["path"]) for each in told.get("value") or ())
            link = urlsplit(told.get("nextLink") or "")
            place = f"{link.path}?{link.query}" if link.path else None

    def _ask(self, method: str, place: str, **more: Any) -> Mapping[str, Any]:
        """Return the answer of the run history. Raises MlflowException."""
        reply = verify_rest_response(_request(self._creds, place, method, **more), place)
        told: Mapping[str, Any] = reply.json()
        return told

    def _blob(self, link: str) -> BlobClient:
        authority = self._creds.server_cert_path
        trust = {"connection_verify": authority} if authority else {}
        return BlobClient.from_blob_url(link, **trust)

    def _at(self, *parts: str | None) -> str:
        path = self._inside.joinpath(*(each for each in parts if each))
        return "" if path == PurePosixPath() else str(path)
