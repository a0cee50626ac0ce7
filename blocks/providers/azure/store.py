"""Objects in Blob storage, by the URIs of Data Lake Storage that every Azure service reads.

What is open is read through adlfs; whole objects go through the SDK, which knows conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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
    Unavailable,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.errors import explain
from blocks.providers.azure.files import AccountFiles
from blocks.providers.azure.objects import SCHEME, Objects, account_of

_PIECE = 4 << 20  # bytes that are fetched at a time
_AT_ONCE = 4  # blocks of a large file on their way


class AzureStore(Block, ObjectStore):
    """Keeps objects in Azure Blob storage."""

    _block_type_name = "Azure store"
    _block_type_slug = "azure-store"

    provider: ClassVar[str] = "azure"
    features: ClassVar[StoreFeatures] = StoreFeatures(conditional_write=True, scheme=SCHEME)

    account: AzureAccount = Field(default_factory=AzureAccount, description="Whose container.")

    @property
    def root(self) -> str:
        """URI under which the platform keeps what it writes."""
        return self.account.root

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, OSError) and explain(error) is None:  # of the file to upload
            missing = isinstance(error, FileNotFoundError)
            return NotFound(str(error)) if missing else Unavailable(str(error))
        return explain(error)

    def _read(self, uri: str) -> bytes:
        content: bytes = self._objects.blob(uri).download_blob().readall()
        return content

    def _open(self, uri: str) -> BinaryIO:
        found = self._objects.head(uri)
        if found is None:
            raise NotFound(f"there is no object {uri}")
        return self._files(account_of(uri)).very(found, _PIECE)

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        # Once only where one can win: repeated after a lost reply, it would meet its own work.
        attempts = {"attempts": 1} if only_if_absent else {}
        blob = self._objects.blob(uri, **attempts)
        told = blob.upload_blob(data, overwrite=not only_if_absent)
        return _info(uri, len(data), told)

    def _upload(self, file: Path, uri: str) -> ObjectInfo:
        with file.open("rb") as source:  # in blocks where it is large; it shows when all are there
            told = self._objects.blob(uri).upload_blob(
                source, overwrite=True, max_concurrency=_AT_ONCE
            )
            return _info(uri, source.tell(), told)

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        one = None if prefix.rstrip("/") == self.root else self._objects.head(prefix)
        for found in (*((one,) if one else ()), *self._objects.below(prefix)):
            yield _listed(found)

    def _remove(self, uri: str) -> None:
        self._objects.remove(uri)

    def _files(self, storage_account: str) -> AccountFiles:
        if storage_account not in self._open_files:
            self._open_files[storage_account] = AccountFiles(self.account, storage_account)
        return self._open_files[storage_account]

    @cached_property
    def _open_files(self) -> dict[str, AccountFiles]:
        return {}

    @property
    def _objects(self) -> Objects:
        return Objects(self.account)


def _info(uri: str, size: int, told: dict[str, Any]) -> ObjectInfo:
    modified = told.get("last_modified") or datetime.now(UTC)
    return ObjectInfo(uri=uri, size=size, etag=str(told["etag"]).strip('"'), modified=modified)


def _listed(found: Found) -> ObjectInfo:
    return ObjectInfo(uri=found.uri, size=found.size, etag=found.etag, modified=found.modified)
