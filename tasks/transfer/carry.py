"""Carry a model from the store where it was trained to where it is registered, and served.

Each cloud reads its own store alone. What a registry or an endpoint cannot reach goes over this
machine, is looked at there, and lies in the other store under the digest of its content: whoever
carries the same again finds it there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from blocks.contracts import Endpoints, InvalidRequest, ModelDraft, ModelVersion, ObjectStore
from blocks.workload.inside import Escapes, inside
from blocks.workspace import default_workspace, folder_of
from tasks.transfer.models import model_folder
from tasks.transfer.sources import require_registrable
from tasks.transfer.upload import upload


def draft_for(scheme: str, draft: ModelDraft, store: ObjectStore) -> ModelDraft:
    """Return a draft that a registry can read which reads URIs of that scheme.

    Raises InvalidRequest where that is neither the store's nor this machine's.
    """
    if scheme == store.features.scheme:
        return draft
    require_registrable(scheme, store)
    folder = folder_of(default_workspace(), "fetched", "evidence", draft.digest)
    return draft.model_copy(
        update={
            "uri": model_folder(store, draft.uri, draft.digest).as_uri(),
            "carried_from": draft.uri,
            "evidence": {
                name: _brought(store, uri, folder, name) for name, uri in draft.evidence.items()
            },
        }
    )


def carried(
    model: ModelVersion, endpoints: Endpoints, *, store: ObjectStore, there: ObjectStore
) -> ModelVersion:
    """Return a version that the endpoints can read: one from elsewhere is copied to ``there``."""
    if model.uri.startswith(f"{endpoints.features.scheme}://"):
        return model
    uri = upload(there, model_folder(store, model.uri, model.digest))
    return model.model_copy(update={"uri": uri})


def _brought(store: ObjectStore, uri: str, folder: Path, name: str) -> str:
    try:
        file = inside(folder, name)
    except Escapes as error:
        raise InvalidRequest(f"evidence {name!r}: {error}", code="PATH") from error
    file.parent.mkdir(parents=True, exist_ok=True)
    with store.open(uri) as source, file.open("wb") as out:
        shutil.copyfileobj(source, out, length=1 << 20)
    return file.as_uri()
