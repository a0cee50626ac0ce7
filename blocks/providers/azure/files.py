"""Blobs as files, by adlfs: read piece by piece, whatever is before or behind the piece.

adlfs knows no conditions: it writes whatever is there, and reads on in a blob that was replaced.
So writes go through the SDK, and what is open here stays the very blob that was opened.
"""

from __future__ import annotations

import asyncio
from typing import Any, BinaryIO, cast

from adlfs import AzureBlobFile, AzureBlobFileSystem
from azure.core import MatchConditions
from azure.core.credentials import AccessToken, TokenCredential
from azure.storage.blob.aio import BlobServiceClient
from fsspec.asyn import sync_wrapper

from blocks.cloud.bucket import Found
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.lookup import READS
from blocks.providers.azure.objects import place_of


class AccountFiles(AzureBlobFileSystem):  # type: ignore[misc]  # adlfs has no types
    """The file system of a storage account, as an account block reaches it."""

    cachable = False  # the block keeps it: two accounts of one name are not the same

    def __init__(self, account: AzureAccount, storage_account: str) -> None:
        self._account, self._storage = account, storage_account
        credential = _InThread(account.credential)
        super().__init__(account_name=storage_account, credential=credential, anon=False)

    def do_connect(self) -> None:
        """Make the client with the account's own address, trust and patience."""
        self.service_client = BlobServiceClient(
            self._account.endpoint_of_storage(self._storage),
            credential=self.credential,
            **self._account.options(READS),
        )

    def very(self, found: Found, piece: int) -> BinaryIO:
        """Open the very blob that was found, to be read by pieces of so many bytes."""
        return cast(BinaryIO, _Unchanged(self, found, piece))


class _Unchanged(AzureBlobFile):  # type: ignore[misc]
    """A blob that is read as it was when it was found, or not at all."""

    def __init__(self, files: AccountFiles, found: Found, piece: int) -> None:
        self._details = {"size": found.size, "etag": f'"{found.etag}"'}  # else it looks again
        super().__init__(files, place_of(found.uri), "rb", block_size=piece, cache_type="readahead")

    async def _async_fetch_range(self, start: int, end: int | None = None, **_: Any) -> bytes:
        stop = self.size if end is None else min(end, self.size)
        blob = self.fs.service_client.get_blob_client(self.container_name, self.blob)
        stream = await blob.download_blob(
            offset=start,
            length=stop - start,
            etag=self._details["etag"],
            match_condition=MatchConditions.IfNotModified,
        )
        content: bytes = await stream.readall()
        return content

    _fetch_range = sync_wrapper(_async_fetch_range)


class _InThread:
    """A credential of this process for asynchronous clients; tokens are kept where they were."""

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential

    async def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        """Return a token."""
        return await asyncio.to_thread(self._credential.get_token, *scopes, **more)

    async def close(self) -> None:
        """Close nothing: it is the account's."""

    async def __aenter__(self) -> _InThread:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""
