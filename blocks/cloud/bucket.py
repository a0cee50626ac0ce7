"""A bucket as the parts that clouds share need it: folders, and writes that only one can win."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One object below a folder."""

    uri: str
    name: str  # its path below the folder
    size: int
    etag: str  # another one for every content
    modified: datetime


class Swaps(Protocol):
    """Objects by URI, each replaced only by who has read it."""

    def read(self, uri: str) -> tuple[bytes, str] | None:
        """Return an object's content and etag; None if there is none."""
        ...

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        """Write an object if it is still the one with ``etag`` (None = not there); else False."""
        ...


class Bucket(Swaps, Protocol):
    """Objects by URI. What a call raises beside what is said here is the SDK's own error."""

    def below(self, folder: str, *, after: str = "") -> Iterator[Found]:
        """Yield the objects below a folder, in the order of their names; those past ``after``."""
        ...

    def head(self, uri: str) -> Found | None:
        """Return one object without its content; None if there is none."""
        ...

    def parts(self, found: Found) -> Iterator[bytes]:
        """Yield the content of the very object that was found; fails if it was replaced since."""
        ...

    def copy(self, found: Found, to: str) -> None:
        """Copy within the cloud what was found; fails if it was replaced since."""
        ...

    def write(self, uri: str, content: bytes) -> None:
        """Write an object, whatever is there."""
        ...

    def fetch(self, found: Found, file: Path) -> None:
        """Copy an object to a file, whose folder is there."""
        ...

    def send(self, file: Path, uri: str, *, notes: Mapping[str, str]) -> None:
        """Copy a file to an object that carries notes, which ``notes`` returns."""
        ...

    def notes(self, uri: str) -> Mapping[str, str]:
        """Return the notes on an object; none if it has none, or is not there."""
        ...

    def remove(self, uri: str) -> None:
        """Remove an object. Gone is fine."""
        ...
