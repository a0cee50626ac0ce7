"""Single looks at S3 that other capabilities need; the store itself is in ``store``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import InvalidRequest, NotFound
from blocks.providers.aws.errors import explain


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key. Raises InvalidRequest for what is no s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise InvalidRequest(f"{uri!r} is not an s3:// URI", code="SCHEME")
    return bucket, key


def read_object(s3: Any, uri: str) -> bytes | None:
    """Return an object's bytes, or None if it is not there."""
    bucket, key = split(uri)
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if isinstance(explain(error), NotFound):
            return None
        raise
    return content


def is_object(s3: Any, uri: str) -> bool:
    """Whether there is an object of exactly this name."""
    bucket, key = split(uri)
    if not key:
        return False
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True


def has_below(s3: Any, uri: str) -> bool:
    """Whether there is any object in a folder. Raises InvalidRequest for an unknown bucket."""
    bucket, key = split(uri)
    prefix = f"{key.rstrip('/')}/" if key.rstrip("/") else ""
    try:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except ClientError as error:
        if isinstance(explain(error), NotFound):
            raise InvalidRequest(f"there is no bucket {bucket}", code="BUCKET") from error
        raise
    return bool(found.get("KeyCount", 0))
