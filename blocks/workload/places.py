"""Places outside this machine: a mounted folder, or a URI where the image has fsspec."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from blocks.workload.digests import files
from blocks.workload.durable import sync_file, sync_folder, write_bytes
from blocks.workload.inside import inside


class MissingFilesystem(ModuleNotFoundError):
    """The image cannot speak to that kind of place; the message says what to install."""


class Place(Protocol):
    """A folder of folders and small files, wherever it is."""

    uri: str

    def names(self) -> Sequence[str]:
        """Return the names directly below, sorted; none where the place is not there yet."""
        ...

    def put(self, folder: Path, name: str, *, last: str = "") -> None:
        """Copy a folder there under ``name``, replacing it; the file ``last`` goes last."""
        ...

    def get(self, name: str, folder: Path) -> None:
        """Copy what is there under ``name`` (or, for an empty name, everything) to ``folder``."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write one small file."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return one small file, or None if it is not there."""
        ...

    def remove(self, name: str) -> None:
        """Remove a folder. Gone is fine."""
        ...


def local_path(place: str) -> Path | None:
    """Return the path that a plain path or a ``file://`` URI means, or None for other schemes."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        return Path(place)
    # Whoever wrote "#" or "?" unquoted meant a file name: there is no query on a disk.
    return Path("/" + unquote(rest.partition("/")[2])) if scheme == "file" else None


def at(place: str) -> Place:
    """Return the place by path or URI. Raises MissingFilesystem with the remedy."""
    path = local_path(place)
    return Directory(path) if path is not None else Bucket(place)


class Directory:
    """A place that is mounted here."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.uri = self.path.as_uri()

    def names(self) -> Sequence[str]:
        """Return the names directly below."""
        return sorted(entry.name for entry in self.path.iterdir()) if self.path.is_dir() else []

    def put(self, folder: Path, name: str, *, last: str = "") -> None:
        """Copy file by file: on a mounted bucket a folder cannot be renamed in one step."""
        self.remove(name)
        for part in _with_last(files(folder), last):
            target = self.path / name / part
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / part, target)
            sync_file(target)
        sync_folder(self.path / name)

    def get(self, name: str, folder: Path) -> None:
        """Copy a folder from there."""
        shutil.copytree(self.path / name, folder, dirs_exist_ok=True)

    def write(self, name: str, data: bytes) -> None:
        """Write a file in one step."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path / name, data)

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes."""
        file = self.path / name
        return file.read_bytes() if file.exists() else None

    def remove(self, name: str) -> None:
        """Remove a folder."""
        shutil.rmtree(self.path / name, ignore_errors=True)


class Bucket:
    """A place behind a URI, spoken to through fsspec."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        scheme = uri.partition("://")[0]
        try:
            fsspec = importlib.import_module("fsspec")
            self._files: Any = fsspec.filesystem(scheme)
        except (ImportError, ValueError) as error:
            raise MissingFilesystem(
                f"{uri} cannot be reached from this image ({error}); add fsspec with the package "
                f"for {scheme}:// to the image, or mount the place and give its path"
            ) from error

    def names(self) -> Sequence[str]:
        """Return the names directly below."""
        self._files.invalidate_cache()
        if not self._files.exists(self.uri):
            return []
        return sorted(str(name).rstrip("/").rpartition("/")[2] for name in self._ls())

    def put(self, folder: Path, name: str, *, last: str = "") -> None:
        """Copy file by file, the manifest last."""
        self.remove(name)
        for part in _with_last(files(folder), last):
            self._files.makedirs(f"{self.uri}/{name}/{part}".rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(folder / part), f"{self.uri}/{name}/{part}")

    def get(self, name: str, folder: Path) -> None:
        """Copy a folder, or one file, from there."""
        self._files.invalidate_cache()
        source = f"{self.uri}/{name}" if name else self.uri
        folder.mkdir(parents=True, exist_ok=True)
        root = self._files._strip_protocol(source)
        for found in self._files.find(root):
            part = found[len(root) :].lstrip("/") or found.rpartition("/")[2]
            target = inside(folder, part)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._files.get_file(found, str(target))

    def write(self, name: str, data: bytes) -> None:
        """Write an object."""
        self._files.makedirs(self.uri, exist_ok=True)
        self._files.pipe_file(f"{self.uri}/{name}", data)

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes."""
        self._files.invalidate_cache()
        if not self._files.exists(f"{self.uri}/{name}"):
            return None
        content: bytes = self._files.cat_file(f"{self.uri}/{name}")
        return content

    def remove(self, name: str) -> None:
        """Remove everything under the name."""
        if self._files.exists(f"{self.uri}/{name}"):
            self._files.rm(f"{self.uri}/{name}", recursive=True)

    def _ls(self) -> Sequence[str]:
        found: Sequence[str] = self._files.ls(self.uri, detail=False)
        return found


def _with_last(names: Sequence[str], last: str) -> list[str]:
    return sorted(names, key=lambda name: (name == last, name))
