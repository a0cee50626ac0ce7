"""A model's folder on its way into memory: verified first, loaded after, left as it was."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow.pyfunc

from blocks.serving.pickles import Danger, imports
from blocks.workload import digest
from blocks.workload.digests import CACHE

log = logging.getLogger(__name__)

_alone = threading.Lock()


class NotVerified(Exception):
    """The folder is not what was registered. Nothing of it was loaded."""


def load_verified(folder: Path, registered: str) -> Any:
    """Return MLflow's ``PyFuncModel`` of ``folder`` if the digest is ``registered``.

    Raises NotVerified; what the model itself raises while it loads comes through.
    """
    _verify(folder, registered)
    _look_into_pickles(folder)
    with _alone, _compiles_nothing():
        _forget_compiled(folder)
        return mlflow.pyfunc.load_model(str(folder))


def _verify(folder: Path, registered: str) -> None:
    if not folder.is_dir():
        raise NotVerified(f"{folder} is not a folder; register the model again")
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if (Path(parent) / name).is_symlink():
                raise NotVerified(
                    f"{Path(parent) / name} is a link, whose content no digest covers; "
                    "register the model with the files themselves"
                )
    if (found := digest(folder)) != registered:
        raise NotVerified(
            f"{folder} has digest {found}, registered was {registered}; "
            "train or register the model again"
        )


def _look_into_pickles(folder: Path) -> None:
    """Refuse pickles that reach for the machine; tell of those that run what nobody knows."""
    found = list(imports(folder))
    refused = [each for each in found if each.danger is Danger.REFUSED]
    if refused:
        names = ", ".join(f"{each.name} in {each.file}" for each in refused)
        raise NotVerified(
            f"{folder} has a pickle that would run {names}; train the model again with a pickle "
            "of plain estimators, or ship its code as files"
        )
    for each in found:
        log.warning("%s would run %s (%s) while it loads", each.file, each.name, each.danger)


def _forget_compiled(folder: Path) -> None:
    """Remove what Python compiled from the model's code: no digest covers it, yet it would run."""
    for cache in folder.rglob(CACHE):
        shutil.rmtree(cache)


@contextmanager
def _compiles_nothing() -> Iterator[None]:
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
