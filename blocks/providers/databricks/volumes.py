"""Files of Unity Catalog's volumes as the other blocks need them: folders, and one winner.

The Files API tells no etags, and knows one condition only: that nothing is there yet. So what is
called an etag here is a file's size and the second of its last change, which is the most that
clouds' listings tell: a file that is replaced by one of its size within that second looks the same.
What only one writer may win is never decided by it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import quote

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.files import DirectoryEntry

from blocks.cloud.bucket import Found
from blocks.contracts import Conflict, Unavailable, Unsupported
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import is_missing, meaning_of
from blocks.providers.databricks.places import path_of

_PIECE = 4 << 20  # bytes that are read at a time
_IN_MEMORY = 32 << 20  # bytes of a file that is copied; a larger one goes over the disk


class Services(Protocol):
    """Whatever reaches a workspace."""

    def client(self, *, attempts: int = 1) -> WorkspaceClient:
        """Return the workspace's client."""
        ...


class Volumes:
    """Files by URI, in whatever volume the URI names.

    Volumes keep no notes on a file; those of ``send`` lie in the folder ``notes``.
    """

    def __init__(self, services: Services, *, notes: str = "") -> None:
        self._services, self._notes = services, notes.rstrip("/")

    def below(self, folder: str, *, after: str = "") -> Iterator[Found]:
        """Yield the files below a folder, in the order of their names; those past ``after``."""
        yield from self._below(folder.rstrip("/"), "", after)

    def head(self, uri: str) -> Found | None:
        """Return one file without its content; None if there is none."""
        try:
            told = self._files.get_metadata(path_of(uri))
        except DatabricksError as error:
            if is_missing(error):
                return None
            raise
        modified = parsedate_to_datetime(str(told.last_modified))
        return _found(uri, uri.rpartition("/")[2], told.content_length or 0, modified)

    def read(self, uri: str) -> tuple[bytes, str] | None:
        """Return a file's content and etag; None if there is none."""
        try:
            told = self._files.download(path_of(uri))
        except DatabricksError as error:
            if is_missing(error):
                return None
            raise
        assert told.contents is not None  # noqa: S101
        with told.contents as stream:
            content = stream.read()
        modified = parsedate_to_datetime(str(told.last_modified))
        return content, etag_of(len(content), modified)

    def parts(self, found: Found) -> Iterator[bytes]:
        """Yield the content of the very file that was found; fails if it was replaced since."""
        with self.stream(found) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def copy(self, found: Found, to: str) -> None:
        """Copy what was found, through this process: nothing copies within a workspace."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
            for piece in self.parts(found):
                copy.write(piece)
            copy.seek(0)
            self.put(to, copy)  # type: ignore[arg-type]

    def write(self, uri: str, content: bytes) -> None:
        """Write a file, whatever is there."""
        self.put(uri, io.BytesIO(content))

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        """Write a file if nothing is there; return whether it was written."""
        if etag is not None:
            raise Unsupported("a volume cannot tell whether a file is still the same", code="ETAG")
        try:
            # Once only: repeated after a lost reply, it would lose against itself.
            self.put(uri, io.BytesIO(content), overwrite=False)
        except DatabricksError as error:
            if meaning_of(error) is Conflict:
                return False
            raise
        return True

    def fetch(self, found: Found, file: Path) -> None:
        """Copy a file of a volume to one of this machine, whose folder is there."""
        with file.open("wb") as target:
            for piece in self.parts(found):
                target.write(piece)

    def send(self, file: Path, uri: str, *, notes: Mapping[str, str]) -> None:
        """Copy a file there, and keep notes on it."""
        with file.open("rb") as source:
            self.put(uri, source)
        if (found := self.head(uri)) is not None:
            kept = {"etag": found.etag, "notes": dict(notes)}
            self.write(note_of(self._notes, uri), json.dumps(kept).encode())

    def notes(self, uri: str) -> Mapping[str, str]:
        """Return the notes on a file; none if it has none, is another one, or is not there."""
        found, kept = self.head(uri), self.read(note_of(self._notes, uri))
        if found is None or kept is None:
            return {}
        said = json.loads(kept[0])
        told: Mapping[str, str] = said["notes"] if said["etag"] == found.etag else {}
        return told

    def remove(self, uri: str) -> None:
        """Remove a file. Gone is fine."""
        try:
            self._files.delete(path_of(uri))
        except DatabricksError as error:
            if not is_missing(error):
                raise

    def put(self, uri: str, content: BinaryIO, *, overwrite: bool = True) -> None:
        """Write a file of up to 5 GiB, with the folders that it takes."""
        attempts, path, start = READS if overwrite else 1, path_of(uri), content.tell()
        files = self._services.client(attempts=attempts).files
        try:
            files.upload(path, content, overwrite=overwrite)
        except DatabricksError as error:
            if not is_missing(error):
                raise
            self._files.create_directory(path.rpartition("/")[0])
            content.seek(start)
            files.upload(path, content, overwrite=overwrite)

    def stream(self, found: Found, *, start: int = 0) -> BinaryIO:
        """Return the content of the very file that was found, from a place on."""
        told = self._services.client(attempts=READS).api_client.do(
            "GET",
            f"/api/2.0/fs/files{quote(path_of(found.uri))}",
            headers={
                "Accept": "application/octet-stream",
                "If-Unmodified-Since": format_datetime(found.modified, usegmt=True),
                **({"Range": f"bytes={start}-"} if start else {}),
            },
            raw=True,
            response_headers=["content-length"],
        )
        assert isinstance(told, dict)  # noqa: S101
        if int(told["content-length"] or 0) != found.size - start:
            raise Unavailable(f"{found.uri} was replaced meanwhile", code="REPLACED")
        contents: BinaryIO = told["contents"]
        return contents

    def is_folder(self, uri: str) -> bool:
        """Whether there is such a folder; volumes keep empty ones, too."""
        try:
            self._files.get_directory_metadata(path_of(uri))
        except DatabricksError as error:
            if is_missing(error):
                return False
            raise
        return True

    def make_folder(self, uri: str) -> None:
        """Make a folder, with those above it. There already is fine."""
        self._files.create_directory(path_of(uri))

    def remove_folder(self, uri: str) -> None:
        """Remove an empty folder."""
        self._files.delete_directory(path_of(uri))

    def _below(self, folder: str, name: str, after: str) -> Iterator[Found]:
        for entry in sorted(self.entries(f"{folder}/{name}".rstrip("/")), key=_in_order):
            below = f"{name}{entry.name}"
            if not entry.is_directory:
                if below > after:
                    modified = datetime.fromtimestamp((entry.last_modified or 0) // 1000, UTC)
                    yield _found(f"{folder}/{below}", below, entry.file_size or 0, modified)
            elif f"{below}/" > after or after.startswith(f"{below}/"):
                yield from self._below(folder, f"{below}/", after)

    def entries(self, folder: str) -> list[DirectoryEntry]:
        """Return what is in a folder itself; nothing if there is none."""
        try:
            return list(self._files.list_directory_contents(path_of(folder)))
        except DatabricksError as error:
            if is_missing(error):
                return []
            raise

    @property
    def _files(self) -> Any:
        return self._services.client(attempts=READS).files


class Reader(io.RawIOBase):
    """A file as a seekable one, read by ranges, always of the one that was there at first."""

    def __init__(self, volumes: Volumes, found: Found) -> None:
        self._volumes, self._found, self._at = volumes, found, 0
        self._stream: BinaryIO | None = None

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether one can go to any place of it."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._found.size}[whence]
        if (at := max(0, base + offset)) != self._at:
            self._at, self._stream = at, None
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the place on."""
        if self._at >= self._found.size:
            return 0
        if self._stream is None:
            self._stream = self._volumes.stream(self._found, start=self._at)
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


def etag_of(size: int, modified: datetime) -> str:
    """Return by what a file is known from another one at its place."""
    return f"{int(modified.timestamp()):x}-{size:x}"


def note_of(folder: str, uri: str) -> str:
    """Return where the notes on a file are kept."""
    return f"{folder}/{hashlib.sha256(uri.encode()).hexdigest()[:32]}.json"


def _in_order(entry: DirectoryEntry) -> str:
    return f"{entry.name}/" if entry.is_directory else str(entry.name)


def _found(uri: str, name: str, size: int, modified: datetime) -> Found:
    return Found(uri=uri, name=name, size=size, etag=etag_of(size, modified), modified=modified)
