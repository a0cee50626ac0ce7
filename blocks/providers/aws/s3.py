"""Objects of S3 as the other AWS blocks need them: folders, and writes that only one can win."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from blocks.cloud.bucket import Found
from blocks.contracts import InvalidRequest
from blocks.providers.aws.errors import code_of

SCHEME = "s3://"
PART = 1 << 20  # bytes read at a time
LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})  # somebody else was first
GONE = frozenset({"NoSuchKey", "404", "NoSuchBucket"})
_ALONE = TransferConfig(use_threads=False)  # one part in memory at a time


class Objects:
    """Objects by URI, through a client of boto3.

    ``once`` is a client that repeats nothing by itself, for writes that only one can win: a
    repeated one would lose against itself.
    """

    def __init__(self, client: Any, *, once: Any = None) -> None:
        self._client, self._once = client, once or client

    def below(self, folder: str, *, after: str = "") -> Iterator[Found]:
        """Yield the objects below a folder, in the order of their names; those past ``after``."""
        bucket, key = place_of(folder)
        prefix = key.rstrip("/") + "/"
        start = {"StartAfter": prefix + after} if after else {}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, **start
        )
        for page in pages:
            for each in page.get("Contents", ()):
                name = each["Key"].removeprefix(prefix)
                if name and not name.endswith("/"):  # consoles make empty objects for folders
                    yield Found(
                        uri=f"{SCHEME}{bucket}/{each['Key']}",
                        name=name,
                        size=each["Size"],
                        etag=each["ETag"],
                        modified=each["LastModified"],
                    )

    def parts(self, found: Found) -> Iterator[bytes]:
        """Yield the content of the very object that was found; fails if it was replaced since."""
        bucket, key = place_of(found.uri)
        reply = self._client.get_object(Bucket=bucket, Key=key, IfMatch=found.etag)
        yield from reply["Body"].iter_chunks(PART)

    def last(self, found: Found, size: int) -> bytes:
        """Return the last bytes of the very object that was found; all if it has fewer."""
        bucket, key = place_of(found.uri)
        reply = self._client.get_object(
            Bucket=bucket, Key=key, IfMatch=found.etag, Range=f"bytes=-{size}"
        )
        return cast(bytes, reply["Body"].read())

    def copy(self, found: Found, to: str, *, notes: Mapping[str, str] | None = None) -> None:
        """Copy within S3 what was found, with its own notes or these; fails if it was replaced."""
        (source, source_key), (bucket, key) = place_of(found.uri), place_of(to)
        noted = {} if notes is None else {"Metadata": notes, "MetadataDirective": "REPLACE"}
        self._client.copy(
            {"Bucket": source, "Key": source_key},
            bucket,
            key,
            ExtraArgs={"CopySourceIfMatch": found.etag, **noted},
        )

    def head(self, uri: str) -> Found | None:
        """Return one object without its content; None if there is none."""
        bucket, key = place_of(uri)
        try:
            reply = self._client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in GONE:
                return None
            raise
        name = key.rpartition("/")[2]
        return Found(
            uri=uri,
            name=name,
            size=reply["ContentLength"],
            etag=reply["ETag"],
            modified=reply["LastModified"],
        )

    def read(self, uri: str) -> tuple[bytes, str] | None:
        """Return an object's content and etag; None if there is none."""
        bucket, key = place_of(uri)
        try:
            reply = self._client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in GONE:
                return None
            raise
        return reply["Body"].read(), cast(str, reply["ETag"])

    def write(self, uri: str, content: bytes) -> None:
        """Write an object, whatever is there."""
        bucket, key = place_of(uri)
        self._client.put_object(Bucket=bucket, Key=key, Body=content)

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        """Write an object if it is still the one with ``etag`` (None = not there); else False."""
        bucket, key = place_of(uri)
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._once.put_object(Bucket=bucket, Key=key, Body=content, **condition)
        except ClientError as error:
            # an object that was deleted meanwhile is not the one with the etag, either
            if code_of(error) in LOST or (etag is not None and code_of(error) in GONE):
                return False
            raise
        return True

    def fetch(self, found: Found, file: Path) -> None:
        """Copy an object to a file, whose folder is there."""
        bucket, key = place_of(found.uri)
        self._client.download_file(bucket, key, str(file), Config=_ALONE)

    def send(self, file: Path, uri: str, *, notes: Mapping[str, str]) -> None:
        """Copy a file to an object that carries notes, as its metadata."""
        bucket, key = place_of(uri)
        self._client.upload_file(
            str(file), bucket, key, ExtraArgs={"Metadata": dict(notes)}, Config=_ALONE
        )

    def notes(self, uri: str) -> Mapping[str, str]:
        """Return the notes on an object; none if it has none, or is not there."""
        bucket, key = place_of(uri)
        try:
            found = self._client.head_object(Bucket=bucket, Key=key)["Metadata"]
        except ClientError as error:
            if code_of(error) in GONE:
                return {}
            raise
        return cast(Mapping[str, str], found)

    def remove(self, uri: str) -> None:
        """Remove an object. Gone is fine."""
        bucket, key = place_of(uri)
        self._client.delete_object(Bucket=bucket, Key=key)


def place_of(uri: str) -> tuple[str, str]:
    """Return bucket and key. Raises InvalidRequest for what is not in S3."""
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket:
        raise InvalidRequest(f"{uri!r} is not an s3:// URI; upload it first", code="SCHEME")
    return bucket, key
