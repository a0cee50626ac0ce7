"""Objects as files, by gcsfs: for pyarrow, DuckDB and others, and for what the store opens.

gcsfs knows one condition, that nothing is there yet, and asks again where a reply was lost: it
would then meet what it wrote itself. It reads on in an object that was replaced. So the store
writes through the SDK, and what is open here stays the very object that was opened.
"""

from __future__ import annotations

from typing import Any, BinaryIO, ClassVar, cast

from gcsfs.core import GCSFile, GCSFileSystem
from gcsfs.credentials import GoogleCredentials

from blocks.cloud.bucket import Found
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.gcs import PART, place_of


class AccountFiles(GCSFileSystem):  # type: ignore[misc]  # gcsfs has no types
    """Cloud Storage as a file system of fsspec, as an account block reaches it.

    Its listings are never remembered: other processes write, too.
    """

    cachable: ClassVar[bool] = False  # two accounts of one project are not the same

    def __init__(self, account: GcpAccount | None = None) -> None:
        account = account or GcpAccount()
        super().__init__(
            project=account.project_id,
            token=account.credentials,
            endpoint_url=account.storage_endpoint or None,
            use_listings_cache=False,
        )
        self.credentials = _OwnCredentials(account)
        self._kms_key = account.kms_key

    def very(self, found: Found) -> BinaryIO:
        """Open the very object that was found."""
        told = {"size": found.size, "generation": found.etag}
        return cast(BinaryIO, _Unchanged(self, "/".join(place_of(found.uri)), told, PART))

    def _open(
        self, path: str, mode: str = "rb", block_size: int | None = None, **asked: Any
    ) -> BinaryIO:
        if mode == "xb" and self.exists(path):  # one that comes meanwhile is found at the end
            raise FileExistsError(path)
        if mode != "rb":
            return cast(BinaryIO, super()._open(path, mode, block_size, **asked))
        found = self.info(path)
        if found["type"] != "file":
            raise FileNotFoundError(path)
        return cast(BinaryIO, _Unchanged(self, path, found, block_size or PART))

    async def _call(self, method: str, path: str, *args: Any, **asked: Any) -> Any:
        """Have everything that is written encrypted with the account's key."""
        if self._kms_key and "uploadType" in asked:
            asked["kmsKeyName"] = self._kms_key
        if self._kms_key and "/rewriteTo/" in path:
            asked["destinationKmsKeyName"] = self._kms_key
        return await super()._call(method, path, *args, **asked)


class _OwnCredentials(GoogleCredentials):  # type: ignore[misc]
    """The account's credentials, whose tokens are made anew when google-auth takes them for over.

    gcsfs would do so five minutes before, which with tokens of five minutes is at each call.
    """

    def __init__(self, account: GcpAccount) -> None:
        super().__init__(account.project_id, "full_control", account.credentials)

    def maybe_refresh(self, refresh_buffer: float = 0) -> None:
        """Have a token that is good."""
        super().maybe_refresh(0)


class _Unchanged(GCSFile):  # type: ignore[misc]
    """An object that is read as it was when it was found, or not at all."""

    def __init__(self, files: AccountFiles, path: str, told: dict[str, Any], piece: int) -> None:
        self._details = told  # else it looks again
        super().__init__(
            files,
            path,
            block_size=piece,
            cache_type="readahead",
            size=told["size"],
            generation=told["generation"],
        )

    def _fetch_range(self, start: int | None = None, end: int | None = None) -> bytes:
        content: bytes = self.fs.cat_file(
            self.path, start=start, end=end, generation=self.generation
        )
        return content
