"""Model folders that are kept elsewhere, brought to this machine once and checked."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from mlflow.artifacts import download_artifacts

from blocks.contracts import InvalidRequest
from blocks.workload import digest
from blocks.workload.places import local_path


def fetched(uri: str, wanted: str, cache: Path) -> Path:
    """Return the folder of a model version on this machine; what is here already stays where it is.

    Folders from elsewhere come to ``cache`` under their digest, whole or not at all. Raises
    InvalidRequest if what came is not what was registered.
    """
    if (place := here(uri)) is not None:
        return place
    folder = cache / wanted
    if not folder.exists():
        draft = cache / f".{uuid.uuid4().hex}"
        draft.mkdir(parents=True)
        try:
            came = Path(download_artifacts(artifact_uri=uri, dst_path=str(draft)))
            if (found := digest(came)) != wanted:
                raise InvalidRequest(
                    f"{uri} has digest {found}, registered was {wanted}; register it again",
                    code="DIGEST",
                )
            _move(came, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def here(uri: str) -> Path | None:
    """Return the path of what is on this machine; MLflow names it by path or by URI."""
    return local_path(uri) if uri.startswith(("/", "file://")) else None


def _move(came: Path, folder: Path) -> None:
    try:
        came.rename(folder)
    except OSError:
        if not folder.exists():  # else another process brought it at the same moment
            raise
