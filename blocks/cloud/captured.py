"""Captured requests in a bucket: which files of a folder may have requests of a window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from blocks.cloud.bucket import Bucket
from blocks.contracts import ObjectInfo, Window
from blocks.serving.capture_names import span_of

LONGEST = timedelta(hours=1)  # that one file of captured requests may span


def captured(bucket: Bucket, folder: str, window: Window) -> Sequence[ObjectInfo]:
    """Return the files that have requests of a window, oldest first."""
    after = str(int((window.start - LONGEST).timestamp() * 1000))
    found = []
    for each in bucket.below(folder, after=after):
        first, last = span_of(each.name)
        if first >= window.end:
            break
        if last >= window.start:
            found.append(
                ObjectInfo(uri=each.uri, size=each.size, etag=each.etag, modified=each.modified)
            )
    return found
