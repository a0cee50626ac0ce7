"""What a specification names, wherever it lies: in the platform's store, or on this machine.

A path of this machine is good on every platform: before a release it is looked at where it is, and
once the release begins it is copied to the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blocks.contracts import InvalidRequest, NotFound, ObjectStore
from blocks.workload.digests import files
from blocks.workload.places import local_path

HERE = "file"  # the scheme of what is on this machine


def lies_here(store: ObjectStore, uri: str) -> Path | None:
    """Return the path of what is on this machine and not in the platform's store, else None."""
    return (
        local_path(uri) if uri.startswith("file://") and store.features.scheme != "file" else None
    )


def require_registrable(scheme: str, store: ObjectStore) -> None:
    """Raise InvalidRequest where a registry that reads such URIs can be brought no model.

    It reads the platform's store, or what is brought to this machine.
    """
    if scheme not in (store.features.scheme, HERE):
        raise InvalidRequest(
            f"a registry that reads {scheme}:// cannot read what is in the store at {store.root}; "
            "take the registry of the store's own cloud, or MLflow: local-models",
            code="SCHEME",
        )


def parts(path: Path) -> list[tuple[str, Path]]:
    """Return name and path of every file of a folder, in name order; of a file, its own."""
    if path.is_file():
        return [(path.name, path)]
    return [(name, path / name) for name in files(path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Reads what is named by URI from the store, or from this machine."""

    store: ObjectStore

    def walk(self, uri: str) -> Iterator[str]:
        """Yield the URIs of the objects below, in name order. Raises what the store raises."""
        here = lies_here(self.store, uri)
        if here is None:
            yield from (each.uri for each in self.store.walk(uri))
        else:
            yield from (path.as_uri() for _, path in parts(here))

    def open(self, uri: str) -> BinaryIO:
        """Return a seekable reader. Raises NotFound."""
        here = lies_here(self.store, uri)
        if here is None:
            return self.store.open(uri)
        try:
            return here.open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"there is nothing at {here}", code="SOURCE") from error
