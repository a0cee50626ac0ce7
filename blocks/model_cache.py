"""Model folders of elsewhere, kept on this machine under their digest."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from blocks.contracts import InvalidRequest
from blocks.workload import digest


def cached(bring: Callable[[Path], Path], wanted: str, cache: Path, *, what: str) -> Path:
    """Return the folder with that digest; ``bring`` is given an empty folder to fetch it into.

    A folder is in the cache whole or not at all. Raises InvalidRequest, naming ``what``, if what
    came is not what was registered.
    """
    folder = cache / wanted
    if folder.exists():
        return folder
    draft = cache / f".{uuid.uuid4().hex}"
    draft.mkdir(parents=True)
    try:
        came = bring(draft)
        if (found := digest(came)) != wanted:
            raise InvalidRequest(
                f"{what} has digest {found}, registered was {wanted}; register it again",
                code="DIGEST",
            )
        _move(came, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _move(came: Path, folder: Path) -> None:
    try:
        came.rename(folder)
    except OSError:
        if not folder.exists():  # else another process brought it at the same moment
            raise
