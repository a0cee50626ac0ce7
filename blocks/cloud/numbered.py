"""Documents in a store that can only tell whether a name is free: every state has a number.

Where a store compares no etags, a document is a folder. Its newest entry is what it says, and who
replaces it writes the entry after the one that was read, if that number is still free.

What was replaced long ago is removed, all but the first entries, and then a number is free that was
taken. Who comes that late, and writes it, finds entries after it that are far older than his own,
by the store's clock: nobody has written those after him, so he has replaced nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta

from blocks.cloud.bucket import Bucket, Found

KEPT = 32  # first entries, which are never removed: most documents have fewer
LONG_AGO = timedelta(days=7)
_AT_A_TIME = 20  # entries that one change removes at most


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
        number = int(etag or 0) + 1
        name = f"{number:08d}"
        if not self._bucket.swap(f"{uri}/{name}", content, etag=None):
            return False
        if number <= KEPT:
            return True
        found = list(self._bucket.below(uri))
        if _came_late(found, name):
            return False
        for each in _outlived(found)[:_AT_A_TIME]:
            self._bucket.remove(each.uri)
        return True


def _came_late(found: Sequence[Found], name: str) -> bool:
    """Whether an entry was written where another one had been, and was removed."""
    mine = next((each for each in found if each.name == name), None)
    after = [each for each in found if each.name > name]
    return mine is not None and any(mine.modified - each.modified > LONG_AGO / 2 for each in after)


def _outlived(found: Sequence[Found]) -> Sequence[Found]:
    """Return what was replaced long ago, oldest first. The newest entry has never been replaced."""
    return [
        each
        for each, after in itertools.pairwise(found)
        if int(each.name) > KEPT and found[-1].modified - after.modified > LONG_AGO
    ]
