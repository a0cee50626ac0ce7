"""The store as a processing job sees it: some of its places are folders of the machine."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, ClassVar

from blocks.contracts import (
    InvalidRequest,
    NotFound,
    ObjectInfo,
    ObjectStore,
    ProviderError,
    StoreFeatures,
    Unavailable,
)
from blocks.workload.digests import files
from blocks.workload.inside import inside


class _OfAnyScheme(StoreFeatures):
    """Whatever URI is mounted will do."""

    def require_scheme(self, uri: str) -> None:
        """Ask nothing: what is not mounted is refused by its place."""


class MountedStore(ObjectStore):
    """Objects by the platform's own URIs, kept in folders: code that takes a store runs on it.

    ``mounts`` has the path of each URI, which is a folder or one object.
    """

    provider: ClassVar[str] = "mounted"
    features: ClassVar[StoreFeatures] = _OfAnyScheme(conditional_write=False, scheme="")

    def __init__(self, mounts: Mapping[str, Path], root: str) -> None:
        self._mounts = {uri.rstrip("/"): path for uri, path in mounts.items()}
        self._root = root

    @property
    def root(self) -> str:
        """URI under which the platform keeps what it writes."""
        return self._root

    def path(self, uri: str) -> Path:
        """Return the path of a URI. Raises InvalidRequest if no mount holds it."""
        longest = sorted(self._mounts, key=len, reverse=True)
        for mount in longest:
            if uri.rstrip("/") == mount:
                return self._mounts[mount]
            if uri.startswith(f"{mount}/"):
                return inside(self._mounts[mount], uri.removeprefix(f"{mount}/"))
        raise InvalidRequest(f"{uri}: this job was not given that place", code="NOT_MOUNTED")

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, FileNotFoundError):
            return NotFound(str(error))
        return Unavailable(str(error)) if isinstance(error, OSError) else None

    def _read(self, uri: str) -> bytes:
        return self.path(uri).read_bytes()

    def _open(self, uri: str) -> BinaryIO:
        return self.path(uri).open("rb")

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        path = self.path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return _info(uri, path)

    def _upload(self, file: Path, uri: str) -> ObjectInfo:
        path = self.path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, path)
        return _info(uri, path)

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        path, uri = self.path(prefix), prefix.rstrip("/")
        if path.is_file():
            yield _info(uri, path)
        elif path.is_dir():
            for name in files(path):
                yield _info(f"{uri}/{name}", path / name)

    def _remove(self, uri: str) -> None:
        self.path(uri).unlink(missing_ok=True)


def _info(uri: str, path: Path) -> ObjectInfo:
    status = path.stat()
    told = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
    return ObjectInfo(
        uri=uri,
        size=status.st_size,
        etag=hashlib.sha256(told.encode()).hexdigest()[:32],
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
    )
