"""Copies what a specification names on this machine to the platform's store, once.

Copies lie under the digest of their content, so whoever copies the same again finds it there, and
what changed meanwhile has another name: a job that runs reads what it was given.
"""

from __future__ import annotations

from pathlib import Path

from blocks.contracts import ObjectStore
from blocks.workload import digest
from blocks.workload.digests import file_digest
from tasks.specification.spec import PLACES, ReleaseSpec
from tasks.transfer.sources import lies_here, parts


def uploaded(spec: ReleaseSpec, store: ObjectStore) -> ReleaseSpec:
    """Return the specification with every place in the store; copies what is not there yet."""
    changed = spec
    for section, field in PLACES:
        part = getattr(changed, section)
        uri = getattr(part, field)
        here = lies_here(store, uri) if uri else None
        if here is not None:
            there = part.model_copy(update={field: upload(store, here)})
            changed = changed.model_copy(update={section: there})
    return changed


def upload(store: ObjectStore, path: Path) -> str:
    """Copy a file or a folder to the store; return its URI there. Safe to break off and repeat."""
    name = digest(path) if path.is_dir() else file_digest(path)
    place = f"{store.root}/sources/{name[:32]}"
    there = {each.uri: each.size for each in store.walk(place)}
    for part, file in parts(path):
        uri = f"{place}/{part}"
        if there.get(uri) != file.stat().st_size:
            store.upload(file, uri)
    return place if path.is_dir() else f"{place}/{path.name}"
