"""Objects in a volume of Unity Catalog, where every cluster of the workspace has them mounted."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.bucket import Found
from blocks.contracts import (
    Conflict,
    NotFound,
    ObjectInfo,
    ObjectStore,
    ProviderError,
    StoreFeatures,
    Unavailable,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.places import SCHEME
from blocks.providers.databricks.volumes import Reader, Volumes

_PIECE = 4 << 20  # bytes that are fetched at a time


class DatabricksStore(Block, ObjectStore):
    """Keeps objects in a volume, through the Files API: up to 5 GiB each."""

    _block_type_name = "Databricks store"
    _block_type_slug = "databricks-store"

    provider: ClassVar[str] = "databricks"
    features: ClassVar[StoreFeatures] = StoreFeatures(conditional_write=True, scheme=SCHEME)

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Whose volume."
    )

    @property
    def root(self) -> str:
        """URI under which the platform keeps what it writes."""
        return self.account.root

    def _explain(self, error: Exception) -> ProviderError | None:
        known = explain(error)
        if known is None and isinstance(error, OSError):  # of the file to upload
            missing = isinstance(error, FileNotFoundError)
            return NotFound(str(error)) if missing else Unavailable(str(error))
        return known

    def _read(self, uri: str) -> bytes:
        found = self._volumes.read(uri)
        if found is None:
            raise NotFound(f"there is no object {uri}")
        return found[0]

    def _open(self, uri: str) -> BinaryIO:
        found = self._volumes.head(uri)
        if found is None:
            raise NotFound(f"there is no object {uri}")
        return cast(BinaryIO, io.BufferedReader(Reader(self._volumes, found), _PIECE))

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        if not only_if_absent:
            self._volumes.write(uri, data)
        elif not self._volumes.swap(uri, data, etag=None):
            raise Conflict(f"{uri} is there already", code="ALREADY_EXISTS")
        return self._info(uri)

    def _upload(self, file: Path, uri: str) -> ObjectInfo:
        with file.open("rb") as source:
            self._volumes.put(uri, source)
        return self._info(uri)

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        one = None if prefix.rstrip("/") == self.root else self._volumes.head(prefix)
        for found in (*((one,) if one else ()), *self._volumes.below(prefix)):
            yield _listed(found)

    def _remove(self, uri: str) -> None:
        self._volumes.remove(uri)

    def _info(self, uri: str) -> ObjectInfo:
        """Return what is there now: the answer to a write tells nothing of it."""
        found = self._volumes.head(uri)
        if found is None:
            raise NotFound(f"{uri} was removed as soon as it was written")
        return _listed(found)

    @property
    def _volumes(self) -> Volumes:
        return Volumes(self.account)


def _listed(found: Found) -> ObjectInfo:
    return ObjectInfo(uri=found.uri, size=found.size, etag=found.etag, modified=found.modified)
