"""The objects in the emulated S3, as the machines of the cloud reach them from inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import RLock
from typing import Any

from moto.backends import get_backend
from moto.s3.exceptions import MissingBucket

from blocks.emulation.folders import files_below
from blocks.workload.inside import inside


class Objects:
    """S3 by URI, without HTTP. Takes the world's lock for each object."""

    def __init__(self, account: str, lock: RLock) -> None:
        self._lock = lock
        self._backend: Any = get_backend("s3")[account]["aws"]

    def has_bucket(self, uri: str) -> bool:
        """Whether the bucket of a URI is there."""
        with self._lock:
            try:
                self._backend.get_bucket(_split(uri)[0])
            except MissingBucket:
                return False
        return True

    def read(self, uri: str) -> bytes | None:
        """Return an object's bytes, or None if it is not there."""
        bucket, key = _split(uri)
        with self._lock:
            try:
                found = self._backend.get_object(bucket, key)
            except MissingBucket:
                return None
            return None if found is None else bytes(found.value)

    def write(self, uri: str, data: bytes) -> None:
        """Write an object. Raises MissingBucket."""
        bucket, key = _split(uri)
        with self._lock:
            self._backend.put_object(bucket, key, data)

    def walk(self, prefix: str) -> Iterator[str]:
        """Yield the URIs that begin with ``prefix`` as S3 does, in name order."""
        bucket, start = _split(prefix)
        with self._lock:
            try:
                box = self._backend.get_bucket(bucket)
            except MissingBucket:
                return
            keys, *_ = self._backend.list_objects(box, start, None, None, None)
            names = sorted(key.name for key in keys)
        yield from (f"s3://{bucket}/{name}" for name in names)

    def download(self, prefix: str, folder: Path) -> int:
        """Copy what is below a prefix into a folder, as a File channel does; return how many."""
        count = 0
        for uri in self.walk(prefix):
            content = None if uri.endswith("/") else self.read(uri)
            if content is not None:
                file = inside(folder, _below(uri, prefix))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
                count += 1
        return count

    def upload(self, folder: Path, prefix: str) -> None:
        """Copy every file of a folder below a prefix. A file that goes meanwhile is passed over."""
        for file in files_below(folder):
            if file.is_file():
                try:
                    content = file.read_bytes()
                except FileNotFoundError:
                    continue
                self.write(f"{prefix.rstrip('/')}/{file.relative_to(folder).as_posix()}", content)


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _below(uri: str, prefix: str) -> str:
    if uri == prefix:
        return uri.rpartition("/")[2]
    folder = f"{prefix.rstrip('/')}/"
    return uri.removeprefix(folder) if uri.startswith(folder) else uri[prefix.rfind("/") + 1 :]
