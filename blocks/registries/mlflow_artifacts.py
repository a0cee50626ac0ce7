"""Model folders that an MLflow server keeps elsewhere, brought to this machine once and checked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mlflow.artifacts import download_artifacts

from blocks.model_cache import cached
from blocks.workload.places import local_path


def fetched(uri: str, wanted: str, cache: Path) -> Path:
    """Return the folder of a model version on this machine; what is here already stays where it is.

    Raises InvalidRequest if what came is not what was registered.
    """
    place = here(uri)
    return place if place is not None else cached(partial(_download, uri), wanted, cache, what=uri)


def here(uri: str) -> Path | None:
    """Return the path of what is on this machine; MLflow names it by path or by URI."""
    return local_path(uri) if uri.startswith(("/", "file://")) else None


def _download(uri: str, folder: Path) -> Path:
    return Path(download_artifacts(artifact_uri=uri, dst_path=str(folder)))
