"""Objects in S3: whole objects through boto3, large ones piece by piece through s3fs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

import s3fs
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    NotFound,
    ObjectInfo,
    ObjectStore,
    ProviderError,
    StoreFeatures,
    Unavailable,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import explain
from blocks.providers.aws.s3 import Objects, place_of

_REPEATS = 4  # of calls that may be repeated


class AwsStore(Block, ObjectStore):
    """Keeps objects in S3."""

    _block_type_name = "S3 store"
    _block_type_slug = "aws-store"

    provider: ClassVar[str] = "aws"
    features: ClassVar[StoreFeatures] = StoreFeatures(conditional_write=True, scheme="s3")

    account: AwsAccount = Field(default_factory=AwsAccount, description="Whose bucket.")

    @property
    def root(self) -> str:
        """URI under which the platform keeps what it writes."""
        return self.account.root

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, OSError):  # s3fs raises these in place of botocore's
            cause = error.__cause__
            known = explain(cause) if isinstance(cause, Exception) else None
            missing = isinstance(error, FileNotFoundError)
            return known or (NotFound(str(error)) if missing else Unavailable(str(error)))
        return explain(error)

    def _read(self, uri: str) -> bytes:
        bucket, key = place_of(uri)
        content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def _open(self, uri: str) -> BinaryIO:
        return cast(BinaryIO, self._files.open(uri, "rb"))

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        bucket, key = place_of(uri)
        asked: dict[str, Any] = {"Bucket": bucket, "Key": key, "Body": data, **self._encryption}
        if only_if_absent:
            # Once only: repeated after a lost reply, it would meet what it wrote itself.
            told = self.account.client("s3").put_object(IfNoneMatch="*", **asked)
        else:
            told = self._s3.put_object(**asked)
        date = told["ResponseMetadata"]["HTTPHeaders"].get("date")
        modified = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return _info(uri, len(data), told["ETag"], modified)

    def _upload(self, file: Path, uri: str) -> ObjectInfo:
        bucket, key = place_of(uri)
        with file.open("rb") as source:  # in parts where it is large; it shows when all are there
            self._s3.upload_fileobj(source, bucket, key, ExtraArgs=dict(self._encryption))
        found = Objects(self._s3).head(uri)
        if found is None:
            raise NotFound(f"{uri} was removed as soon as it was written")
        return _info(found.uri, found.size, found.etag, found.modified)

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        objects = Objects(self._s3)
        one = objects.head(prefix)
        for found in (*((one,) if one else ()), *objects.below(prefix)):
            yield _info(found.uri, found.size, found.etag, found.modified)

    def _remove(self, uri: str) -> None:
        bucket, key = place_of(uri)
        self._s3.delete_object(Bucket=bucket, Key=key)

    @property
    def _s3(self) -> Any:
        return self.account.client("s3", attempts=_REPEATS)

    @property
    def _encryption(self) -> Mapping[str, str]:
        if not self.account.kms_key:
            return {}
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.account.kms_key}

    @cached_property
    def _files(self) -> s3fs.S3FileSystem:
        session = AioSession()
        session._credentials = _Followed(self.account.credentials())
        return s3fs.S3FileSystem(
            session=session,
            endpoint_url=self.account.endpoint_url or None,
            client_kwargs={"region_name": self.account.region or None},
            use_listings_cache=False,
            skip_instance_cache=True,
        )


class _Followed(AioCredentials):  # type: ignore[misc]  # aiobotocore has no types
    """The account's credentials for s3fs, asked anew for every call, so that they stay fresh."""

    def __init__(self, source: Any) -> None:
        now = source.get_frozen_credentials()
        super().__init__(now.access_key, now.secret_key, now.token)
        self._source = source

    async def get_frozen_credentials(self) -> Any:
        return self._source.get_frozen_credentials()


def _info(uri: str, size: int, etag: str, modified: datetime) -> ObjectInfo:
    return ObjectInfo(uri=uri, size=size, etag=etag.strip('"'), modified=modified)
