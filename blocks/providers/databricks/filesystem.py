"""Volumes of Unity Catalog as a file system of fsspec: for pandas, pyarrow, DuckDB and others.

``register()`` has every address ``dbfs:///Volumes/...`` opened by it in this process, in place of
fsspec's own, which knows the older DBFS alone.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

import fsspec
from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.spec import AbstractFileSystem

from blocks.cloud.bucket import Found
from blocks.contracts import Conflict, Denied, InvalidRequest, NotFound, ProviderError
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.places import SCHEME, path_of, uri_of
from blocks.providers.databricks.volumes import Reader, Volumes

_PIECE = 4 << 20  # bytes that are fetched at a time
_OURS: dict[type[ProviderError], type[OSError]] = {
    Conflict: FileExistsError,
    Denied: PermissionError,
    InvalidRequest: FileNotFoundError,
    NotFound: FileNotFoundError,
}
Entry = dict[str, Any]


class VolumesFileSystem(AbstractFileSystem):  # type: ignore[misc]  # it comes without types
    """Files by their path below /Volumes, read by ranges and written whole, up to 5 GiB each.

    Neither way holds a file in memory: what is written goes over the disk of this machine. Empty
    folders are kept, as Unity Catalog keeps them.
    """

    protocol: ClassVar[str] = SCHEME
    root_marker: ClassVar[str] = "/"
    cachable: ClassVar[bool] = False  # an account's secrets name no instance

    def __init__(self, account: DatabricksWorkspace | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._volumes = Volumes(account or DatabricksWorkspace())

    def info(self, path: str, **_more: Any) -> Entry:
        """Return a file's or a folder's name, size and kind. Raises FileNotFoundError."""
        path = self._strip_protocol(path)
        if _is_above_volumes(path):
            return _folder(path)
        with _as_os_error(path):
            found = self._volumes.head(uri_of(path))
            if found is not None:
                return _file(found)
            if self._volumes.is_folder(uri_of(path)):
                return _folder(path)
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_more: Any) -> list[Any]:
        """Return what is in a folder; of a file, itself. Raises FileNotFoundError."""
        path = self._strip_protocol(path)
        if self.info(path)["type"] == "file":
            found = [self.info(path)]
        else:
            with _as_os_error(path):
                found = [_entry(each) for each in self._volumes.entries(uri_of(path))]
        return found if detail else [each["name"] for each in found]

    def mkdir(self, path: str, create_parents: bool = True, **_more: Any) -> None:
        """Make a folder, with those above it."""
        path = self._strip_protocol(path)
        if self.exists(path):
            raise FileExistsError(path)
        self.makedirs(path, exist_ok=True)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder, with those above it."""
        path = self._strip_protocol(path)
        if _is_above_volumes(path):
            return
        if not exist_ok and self.exists(path):
            raise FileExistsError(path)
        with _as_os_error(path):
            self._volumes.make_folder(uri_of(path))

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        path = self._strip_protocol(path)
        with _as_os_error(path):
            self._volumes.remove_folder(uri_of(path))

    def _rm(self, path: str) -> None:
        path = self._strip_protocol(path)
        if self.info(path)["type"] == "directory":
            self.rmdir(path)
            return
        with _as_os_error(path):
            self._volumes.remove(uri_of(path))

    def cp_file(self, path1: str, path2: str, **_more: Any) -> None:
        """Copy a file, or make a folder of that name, through this process."""
        if self.isdir(path1):
            self.makedirs(path2, exist_ok=True)
            return
        with _as_os_error(path1):
            self._volumes.copy(self._known(path1), uri_of(self._strip_protocol(path2)))

    def get_file(
        self, rpath: str, lpath: Any, callback: Callback = DEFAULT_CALLBACK, **_more: Any
    ) -> None:
        """Bring a file here, a piece at a time."""
        if hasattr(lpath, "write"):
            self._pour(self._known(rpath), lpath, callback)
        elif self.isdir(rpath):
            Path(lpath).mkdir(parents=True, exist_ok=True)
        else:
            Path(lpath).parent.mkdir(parents=True, exist_ok=True)
            with Path(lpath).open("wb") as out:
                self._pour(self._known(rpath), out, callback)

    def put_file(
        self, lpath: str, rpath: str, callback: Callback = DEFAULT_CALLBACK, **_more: Any
    ) -> None:
        """Send a file there as it is read."""
        if Path(lpath).is_dir():
            self.makedirs(rpath, exist_ok=True)
            return
        callback.set_size(Path(lpath).stat().st_size)
        with Path(lpath).open("rb") as source:
            self._send(source, rpath)
        callback.absolute_update(Path(lpath).stat().st_size)

    def ukey(self, path: str) -> str:
        """Return by what a file is known from another one at its place."""
        return self._known(path).etag

    def modified(self, path: str) -> datetime:
        """Return when a file was last written."""
        return self._known(path).modified

    def _open(
        self, path: str, mode: str = "rb", block_size: int | None = None, **_more: Any
    ) -> BinaryIO:
        if mode == "rb":
            reader = Reader(self._volumes, self._known(path))
            return cast(BinaryIO, io.BufferedReader(reader, block_size or _PIECE))
        if mode not in ("wb", "xb"):
            raise NotImplementedError(f"{mode}: files of a volume are read, or written whole")
        if mode == "xb" and self.exists(path):  # one that comes meanwhile is found at the end
            raise FileExistsError(path)
        return cast(BinaryIO, _Draft(self, path, overwrite=mode == "wb"))

    def _known(self, path: str) -> Found:
        path = self._strip_protocol(path)
        with _as_os_error(path):
            found = self._volumes.head(uri_of(path))
        if found is None:
            raise FileNotFoundError(path)
        return found

    def _pour(self, found: Found, out: BinaryIO, callback: Callback) -> None:
        callback.set_size(found.size)
        with _as_os_error(found.uri):
            for piece in self._volumes.parts(found):
                out.write(piece)
                callback.relative_update(len(piece))

    def _send(self, content: BinaryIO, path: str, *, overwrite: bool = True) -> None:
        path = self._strip_protocol(path)
        with _as_os_error(path):
            self._volumes.put(uri_of(path), content, overwrite=overwrite)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        told = str(path).removeprefix(f"{SCHEME}:")
        return "/" + told.strip("/")


class _Draft(io.FileIO):
    """A file that is being written: on this machine's disk, until it is closed without a fault."""

    def __init__(self, files: VolumesFileSystem, path: str, *, overwrite: bool) -> None:
        self._disk = tempfile.NamedTemporaryFile()  # noqa: SIM115 - it lives as long as this does
        super().__init__(self._disk.name, "w+")
        self._send, self._path, self._overwrite = files._send, path, overwrite

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if kind is not None:
            self.discard()
        super().__exit__(kind, value, trace)

    def discard(self) -> None:
        """Write nothing."""
        super().close()
        self._disk.close()

    def close(self) -> None:
        """Send it."""
        if self.closed:
            return
        try:
            with Path(self._disk.name).open("rb") as content:
                self._send(content, self._path, overwrite=self._overwrite)
        finally:
            self.discard()


def register() -> None:
    """Have addresses of volumes opened by this, wherever fsspec is asked in this process."""
    fsspec.register_implementation(SCHEME, VolumesFileSystem, clobber=True)


@contextmanager
def _as_os_error(path: str) -> Iterator[None]:
    try:
        yield
    except ProviderError as error:
        raise _os_error(error, path) from error
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        raise _os_error(known, path) from error


def _os_error(error: ProviderError, path: str) -> OSError:
    return _OURS.get(type(error), OSError)(f"{path}: {error}")


def _is_above_volumes(path: str) -> bool:
    names = path.strip("/").split("/")
    return names[0] in ("", "Volumes") and len(names) < 4


def _file(found: Found) -> Entry:
    return {
        "name": path_of(found.uri),
        "size": found.size,
        "type": "file",
        "etag": found.etag,
        "mtime": found.modified.timestamp(),
    }


def _folder(path: str) -> Entry:
    return {"name": path, "size": 0, "type": "directory"}


def _entry(told: Any) -> Entry:
    path = str(told.path).rstrip("/")
    if told.is_directory:
        return _folder(path)
    modified = datetime.fromtimestamp((told.last_modified or 0) / 1000, UTC)
    return {**_folder(path), "size": told.file_size, "type": "file", "mtime": modified.timestamp()}
