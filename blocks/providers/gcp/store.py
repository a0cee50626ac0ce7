"""Objects in Cloud Storage.

What is open is read through gcsfs; whole objects go through the SDK, which knows conditions, and so
do walks: gcsfs lists a folder to its end before it tells of the first object.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.bucket import Found
from blocks.contracts import (
    NotFound,
    ObjectInfo,
    ObjectStore,
    ProviderError,
    StoreFeatures,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.files import AccountFiles
from blocks.providers.gcp.gcs import Objects, place_of


class GcpStore(Block, ObjectStore):
    """Keeps objects in Cloud Storage."""

    _block_type_name = "Cloud Storage"
    _block_type_slug = "gcp-store"

    provider: ClassVar[str] = "gcp"
    features: ClassVar[StoreFeatures] = StoreFeatures(conditional_write=True, scheme="gs")

    account: GcpAccount = Field(default_factory=GcpAccount, description="Whose bucket.")

    @property
    def root(self) -> str:
        """URI under which the platform keeps what it writes."""
        return self.account.root

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, FileNotFoundError):  # of this machine, to be uploaded
            return NotFound(str(error), code="FILE")
        return explain(error)

    def _read(self, uri: str) -> bytes:
        found = self._objects.read(uri)
        if found is None:
            raise _missing(uri)
        return found[0]

    def _open(self, uri: str) -> BinaryIO:
        found = self._objects.head(uri)
        if found is None:
            raise _missing(uri)
        return self._files.very(found)

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        blob = self._blob(uri)
        # Once only where it must not be there: repeated, it would meet what it wrote itself.
        once: dict[str, Any] = {"if_generation_match": 0, "retry": None} if only_if_absent else {}
        blob.upload_from_string(data, content_type="application/octet-stream", **once)
        return _info(_found(blob, uri))

    def _upload(self, file: Path, uri: str) -> ObjectInfo:
        blob = self._blob(uri)
        blob.upload_from_filename(str(file), content_type="application/octet-stream")
        return _info(_found(blob, uri))

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        one = self._objects.head(prefix)
        for found in (*((one,) if one else ()), *self._objects.below(prefix)):
            yield _info(found)

    def _remove(self, uri: str) -> None:
        self._objects.remove(uri)

    def _blob(self, uri: str) -> Any:
        bucket, key = place_of(uri)
        return self.account.storage.bucket(bucket).blob(
            key, kms_key_name=self.account.kms_key or None
        )

    @cached_property
    def _files(self) -> AccountFiles:
        return AccountFiles(self.account)

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)


def _found(blob: Any, uri: str) -> Found:
    return Found(
        uri=uri, name=uri, size=blob.size, etag=str(blob.generation), modified=blob.updated
    )


def _info(found: Found) -> ObjectInfo:
    return ObjectInfo(uri=found.uri, size=found.size, etag=found.etag, modified=found.modified)


def _missing(uri: str) -> NotFound:
    return NotFound(f"there is no object {uri}", code="NOT_FOUND")
