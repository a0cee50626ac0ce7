"""A store that is not on this machine's disk: fsspec's memory, for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

import fsspec

from blocks.contracts import (
    Conflict,
    NotFound,
    ObjectInfo,
    ObjectStore,
    ProviderError,
    StoreFeatures,
)


class MemoryStore(ObjectStore):
    """Keeps objects in the memory of this process."""

    provider: ClassVar[str] = "memory"
    features: ClassVar[StoreFeatures] = StoreFeatures(conditional_write=True, scheme="memory")

    def __init__(self, name: str) -> None:
        self._files = fsspec.filesystem("memory")
        self._root = f"memory://{name}"
        self.uploads: list[str] = []

    @property
    def root(self) -> str:
        """URI of this store's objects; others of the process lie elsewhere."""
        return self._root

    def _explain(self, error: Exception) -> ProviderError | None:
        return NotFound(str(error)) if isinstance(error, FileNotFoundError) else None

    def _read(self, uri: str) -> bytes:
        return cast(bytes, self._files.cat_file(uri))

    def _open(self, uri: str) -> BinaryIO:
        return cast(BinaryIO, self._files.open(uri, "rb"))

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        if only_if_absent and self._files.exists(uri):
            raise Conflict(f"{uri} is there")
        self._files.pipe_file(uri, data)
        return self._info(uri)

    def _upload(self, file: Path, uri: str) -> ObjectInfo:
        self._files.put_file(str(file), uri)
        self.uploads.append(uri)
        return self._info(uri)

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        for name in sorted(self._files.find(prefix)):
            yield self._info(f"memory:/{name}")

    def _remove(self, uri: str) -> None:
        self._files.rm(uri)

    def _info(self, uri: str) -> ObjectInfo:
        content = self._files.cat_file(uri)
        return ObjectInfo(
            uri=uri,
            size=len(content),
            etag=hashlib.sha256(content).hexdigest(),
            modified=datetime.now(UTC),
        )
