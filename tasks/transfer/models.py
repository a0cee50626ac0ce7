"""Folders of models, brought to this machine and checked before anybody loads them."""

from __future__ import annotations

import shutil
from pathlib import Path

from blocks.contracts import InvalidRequest, ObjectStore
from blocks.model_cache import cached
from blocks.workload.inside import Escapes, inside
from blocks.workload.places import local_path
from blocks.workspace import default_workspace, folder_of


def model_folder(store: ObjectStore, uri: str, digest: str) -> Path:
    """Return the folder of a model on this machine; one from the store is fetched once.

    Raises InvalidRequest if what came is not what the digest says, or if the URI lies in another
    store.
    """
    here = local_path(uri)
    if here is not None:
        return here

    def bring(folder: Path) -> Path:
        _download(store, uri, folder)
        return folder

    return cached(bring, digest, folder_of(default_workspace(), "fetched"), what=uri)


def _download(store: ObjectStore, uri: str, folder: Path) -> None:
    for each in store.walk(uri):
        name = each.uri.removeprefix(uri).strip("/")
        try:
            target = inside(folder, name)
        except Escapes as error:
            raise InvalidRequest(f"{each.uri}: {error}", code="PATH") from error
        target.parent.mkdir(parents=True, exist_ok=True)
        with store.open(each.uri) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out, length=1 << 20)
