"""Registered models in a bucket: folder, evidence and a record of both, where only we write.

A cloud's registry keeps short texts and a place; the record beside the model has everything.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from blocks.cloud.bucket import Bucket, Found
from blocks.contracts import InvalidRequest, ModelDraft, ModelVersion
from blocks.workload.digests import CACHE, digest_of


def keep(bucket: Bucket, draft: ModelDraft, folder: str) -> None:
    """Copy a model and its evidence to a folder, after looking at them.

    Raises InvalidRequest if there is no model, if it is not the draft's, or for bad evidence.
    """
    evidence = {name: _evidence(bucket, name, uri) for name, uri in draft.evidence.items()}
    found = [each for each in bucket.below(draft.uri) if CACHE not in each.name.split("/")]
    if not found:
        raise InvalidRequest(f"there is no model at {draft.uri}; train again", code="MODEL")
    files = ((each.name, each.size, bucket.parts(each)) for each in found)
    if (digest := digest_of(files)) != draft.digest:
        raise InvalidRequest(
            f"{draft.uri} has digest {digest}, and the draft says {draft.digest}: it changed "
            "after training; train or register again",
            code="DIGEST",
        )
    for each in found:
        bucket.copy(each, f"{folder}/model/{each.name}")
    for name, file in evidence.items():
        bucket.copy(file, f"{folder}/evidence/{name}")
    bucket.write(metrics_of(folder), json.dumps(dict(draft.metrics)).encode())
    bucket.write(record_of(folder), to_record(draft, folder=folder))


def metrics_of(folder: str) -> str:
    """Return where the metrics of the version kept in a folder are."""
    return f"{folder}/metrics.json"


def record_of(folder: str) -> str:
    """Return where the record of the version kept in a folder is."""
    return f"{folder}/version.json"


def to_record(draft: ModelDraft, *, folder: str) -> bytes:
    """Return what is written down of a draft that is kept in a folder."""
    version = ModelVersion(
        name=draft.name,
        version="",  # known once the registry has counted it
        uri=f"{folder}/model",
        digest=draft.digest,
        metrics=draft.metrics,
        lineage=draft.lineage,
        evidence={name: f"{folder}/evidence/{name}" for name in draft.evidence},
    )
    return json.dumps(version.model_dump(mode="python")).encode()


def from_record(record: bytes, number: str) -> ModelVersion:
    """Return the version of that number from its record."""
    version = ModelVersion.model_validate(json.loads(record))
    return version.model_copy(update={"version": number})


def require_evidence(name: str) -> None:
    """Raise InvalidRequest for a name that is no path of its own below the version."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] == "model":
        raise InvalidRequest(
            f"evidence {name!r}: give it a relative name outside 'model'", code="EVIDENCE"
        )


def _evidence(bucket: Bucket, name: str, uri: str) -> Found:
    require_evidence(name)
    if (found := bucket.head(uri)) is None:
        raise InvalidRequest(f"evidence {name!r}: there is nothing at {uri}", code="EVIDENCE")
    return found
