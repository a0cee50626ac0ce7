"""Documents in a store that can only tell whether a name is free: every state has a number.

Where a store compares no etags, a document is a folder. Its newest entry is what it says, and who
replaces it writes the entry after the one that was read, if that number is still free. No entry is
ever removed, so a number that is free was never taken.
"""

from __future__ import annotations

from blocks.cloud.bucket import Bucket


class Numbered:
    """The documents of a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def read(self, uri: str) -> tuple[bytes, str] | None:
        """Return a document and its number; None if nobody ever wrote it."""
        names = [each.name for each in self._bucket.below(uri)]
        found = self._bucket.read(f"{uri}/{names[-1]}") if names else None
        return (found[0], names[-1]) if found else None

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        """Write a document if it is still the one with that number (None = not there)."""
        after = f"{int(etag or 0) + 1:08d}"
        return self._bucket.swap(f"{uri}/{after}", content, etag=None)
