"""Documents in a store that can only tell whether a name is free: every state has a number.

Where a store compares no etags, a document is a folder. Its newest entry is what it says, and who
replaces it writes the entry after the one that was read, if that number is still free. No entry is
ever removed, so a number that is free was never taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from blocks.cloud.bucket import Bucket, Found


class Numbered:
    """A bucket whose ``read`` and ``swap`` know such documents; the rest is as it was."""

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

    def below(self, folder: str, *, after: str = "") -> Iterator[Found]:
        """Yield the objects below a folder, entries of documents among them."""
        return self._bucket.below(folder, after=after)

    def head(self, uri: str) -> Found | None:
        """Return one object without its content; None if there is none."""
        return self._bucket.head(uri)

    def parts(self, found: Found) -> Iterator[bytes]:
        """Yield the content of the very object that was found."""
        return self._bucket.parts(found)

    def copy(self, found: Found, to: str) -> None:
        """Copy what was found."""
        self._bucket.copy(found, to)

    def write(self, uri: str, content: bytes) -> None:
        """Write an object, whatever is there; no document is written so."""
        self._bucket.write(uri, content)

    def fetch(self, found: Found, file: Path) -> None:
        """Copy an object to a file."""
        self._bucket.fetch(found, file)

    def send(self, file: Path, uri: str, *, notes: Mapping[str, str]) -> None:
        """Copy a file to an object that carries notes."""
        self._bucket.send(file, uri, notes=notes)

    def notes(self, uri: str) -> Mapping[str, str]:
        """Return the notes on an object."""
        return self._bucket.notes(uri)

    def remove(self, uri: str) -> None:
        """Remove an object. Gone is fine."""
        self._bucket.remove(uri)
