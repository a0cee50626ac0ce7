"""A bucket that is a folder of this machine, and can only tell whether a name is free."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from blocks.cloud.bucket import Found


class FolderBucket:
    """Objects below a folder; a URI is a path in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def below(self, folder: str, *, after: str = "") -> Iterator[Found]:
        """Yield the objects below a folder, in the order of their names; those past ``after``."""
        place = self._folder / folder
        names = sorted(
            each.relative_to(place).as_posix()
            for each in place.rglob("*")
            if each.is_file() and not each.name.startswith(".")
        )
        yield from (self._found(f"{folder}/{name}", name) for name in names if name > after)

    def head(self, uri: str) -> Found | None:
        """Return one object without its content; None if there is none."""
        there = (self._folder / uri).is_file()
        return self._found(uri, uri.rpartition("/")[2]) if there else None

    def parts(self, found: Found) -> Iterator[bytes]:
        """Yield the content of an object."""
        yield (self._folder / found.uri).read_bytes()

    def copy(self, found: Found, to: str) -> None:
        """Copy an object."""
        self.write(to, (self._folder / found.uri).read_bytes())

    def read(self, uri: str) -> tuple[bytes, str] | None:
        """Return an object's content and etag; None if there is none."""
        found = self.head(uri)
        return ((self._folder / uri).read_bytes(), found.etag) if found else None

    def write(self, uri: str, content: bytes) -> None:
        """Write an object, whatever is there."""
        self._room(uri).write_bytes(content)

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        """Write an object if nothing is there; etags are not compared."""
        if etag is not None:
            raise NotImplementedError("a folder cannot tell whether a file is still the same")
        file = self._room(uri)
        draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
        draft.write_bytes(content)
        try:
            os.link(draft, file)  # whole, or not at all
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def fetch(self, found: Found, file: Path) -> None:
        """Copy an object to a file, whose folder is there."""
        shutil.copyfile(self._folder / found.uri, file)

    def send(self, file: Path, uri: str, *, notes: Mapping[str, str]) -> None:
        """Copy a file to an object; notes are not kept."""
        shutil.copyfile(file, self._room(uri))

    def notes(self, uri: str) -> Mapping[str, str]:
        """Return no notes."""
        return {}

    def remove(self, uri: str) -> None:
        """Remove an object. Gone is fine."""
        (self._folder / uri).unlink(missing_ok=True)

    def _room(self, uri: str) -> Path:
        file = self._folder / uri
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _found(self, uri: str, name: str) -> Found:
        status = (self._folder / uri).stat()
        return Found(
            uri=uri,
            name=name,
            size=status.st_size,
            etag=str(status.st_mtime_ns),
            modified=datetime.fromtimestamp(status.st_mtime, UTC),
        )
