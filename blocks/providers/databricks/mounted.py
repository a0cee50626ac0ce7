"""Volumes as what runs on a cluster has them: mounted, with no credentials and no calls."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from blocks.cloud.bucket import Found
from blocks.contracts import Unavailable
from blocks.providers.databricks.places import path_of
from blocks.providers.databricks.volumes import etag_of, note_of
from blocks.workload.durable import write_bytes
from blocks.workload.environments import mounted

_PIECE = 4 << 20  # bytes that are read at a time


class MountedVolumes:
    """Files by URI; those of ``send`` have their notes in the folder ``notes``."""

    def __init__(self, environ: Mapping[str, str], *, notes: str) -> None:
        self._environ, self._notes = environ, notes.rstrip("/")

    def place(self, uri: str) -> Path:
        """Return the file, or the folder, that a URI means."""
        return Path(mounted(path_of(uri), self._environ))

    def below(self, folder: str, *, after: str = "") -> Iterator[Found]:
        """Yield the files below a folder, in the order of their names; those past ``after``."""
        home, base = self.place(folder.rstrip("/")), folder.rstrip("/")
        found = (
            (Path(place) / name).relative_to(home).as_posix()
            for place, _, names in os.walk(home)
            for name in names
        )
        for name in sorted(each for each in found if each > after):
            yield _found(home / name, f"{base}/{name}", name)

    def head(self, uri: str) -> Found | None:
        """Return one file without its content; None if there is none."""
        file = self.place(uri)
        return _found(file, uri, file.name) if file.is_file() else None

    def read(self, uri: str) -> tuple[bytes, str] | None:
        """Return a file's content and etag; None if there is none."""
        file = self.place(uri)
        return (file.read_bytes(), _found(file, uri, "").etag) if file.is_file() else None

    def parts(self, found: Found) -> Iterator[bytes]:
        """Yield the content of the very file that was found; fails if it was replaced since."""
        file = self.place(found.uri)
        with file.open("rb") as opened:
            while piece := opened.read(_PIECE):
                yield piece
        if _found(file, found.uri, "").etag != found.etag:
            raise Unavailable(f"{found.uri} was replaced meanwhile", code="REPLACED")

    def copy(self, found: Found, to: str) -> None:
        """Copy what was found."""
        self._send(self.place(found.uri), to)

    def write(self, uri: str, content: bytes) -> None:
        """Write a file, whatever is there."""
        file = self.place(uri)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, content, sync=False)

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        """Refuse: what only one may win goes through the Files API, which knows a condition."""
        raise NotImplementedError(f"{uri}: a mounted volume knows no condition")

    def fetch(self, found: Found, file: Path) -> None:
        """Copy a file of a volume to one of this machine, whose folder is there."""
        with file.open("wb") as target:
            for piece in self.parts(found):
                target.write(piece)

    def send(self, file: Path, uri: str, *, notes: Mapping[str, str]) -> None:
        """Copy a file there, and keep notes on it."""
        self._send(file, uri)
        kept = {"etag": _found(self.place(uri), uri, "").etag, "notes": dict(notes)}
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
        self.place(uri).unlink(missing_ok=True)

    def _send(self, file: Path, uri: str) -> None:
        """Copy under another name first: who reads meanwhile has the old file, or the new one."""
        target = self.place(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.draft")
        shutil.copyfile(file, draft)
        draft.replace(target)


def _found(file: Path, uri: str, name: str) -> Found:
    status = file.stat()
    modified = datetime.fromtimestamp(int(status.st_mtime), UTC)
    etag = etag_of(status.st_size, modified)
    return Found(uri=uri, name=name, size=status.st_size, etag=etag, modified=modified)
