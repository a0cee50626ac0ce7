"""A store in the memory of fsspec: no file, no folder, no local path anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, ClassVar, cast

import fsspec

from blocks.contracts import NotFound, ObjectInfo, ObjectStore, ProviderError, StoreFeatures


class MemoryStore(ObjectStore):
    """Keeps objects below one name of fsspec's ``memory://``."""

    provider: ClassVar[str] = "memory"
    features: ClassVar[StoreFeatures] = StoreFeatures(conditional_write=False, scheme="memory")

    def __init__(self, name: str) -> None:
        self._name = name
        self._files = fsspec.filesystem("memory")

    @property
    def root(self) -> str:
        return f"memory://{self._name}"

    def _explain(self, error: Exception) -> ProviderError | None:
        return NotFound(str(error)) if isinstance(error, FileNotFoundError) else None

    def _read(self, uri: str) -> bytes:
        return cast(bytes, self._files.cat_file(uri))

    def _open(self, uri: str) -> BinaryIO:
        return cast(BinaryIO, self._files.open(uri, "rb"))

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        self._files.pipe_file(uri, data)
        return next(self._walk(uri))

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        for name, info in sorted(self._files.find(prefix, detail=True).items()):
            yield ObjectInfo(
                uri=f"memory:/{name}", size=info["size"], etag="", modified=datetime.now(UTC)
            )

    def _remove(self, uri: str) -> None:
        self._files.rm(uri)
