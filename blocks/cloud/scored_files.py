"""The files of a data set that is scored, and the notes by which a scored one is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from blocks.cloud.bucket import Bucket, Found


def parquet_files(bucket: Bucket, data: str) -> Iterator[Found]:
    """Yield the Parquet files of a data set, which is a folder or one file, in name order."""
    single = True
    for each in bucket.below(data):
        single = False
        hidden = any(part[0] in "._" for part in each.name.split("/"))
        if each.name.endswith(".parquet") and not hidden:
            yield each
    if single and (found := bucket.head(data)) is not None:
        yield found


def mark_of(model: str, *, size: int, etag: str) -> str:
    """Return the note that a model of this digest leaves on what it made of such an object."""
    return hashlib.sha256(f"{model} {size} {etag}".encode()).hexdigest()
