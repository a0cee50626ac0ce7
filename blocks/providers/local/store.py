"""Objects as files of this machine, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

import fsspec
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Conflict,
    Denied,
    InvalidRequest,
    NotFound,
    ObjectInfo,
    ObjectStore,
    ProviderError,
    StoreFeatures,
    Unavailable,
)
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.paths import path_of

_DRAFT = ".bluewater-draft-"


class LocalStore(Block, ObjectStore):
    """Keeps objects in the file system of this machine."""

    _block_type_name = "Local store"
    _block_type_slug = "local-store"

    provider: ClassVar[str] = "local"
    features: ClassVar[StoreFeatures] = StoreFeatures(conditional_write=True, scheme="file")

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Where objects are kept on this machine."
    )

    @property
    def root(self) -> str:
        """URI under which the platform keeps what it writes."""
        return self.machine.folder("store").as_uri()

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, FileNotFoundError):
            return NotFound(str(error))
        if isinstance(error, FileExistsError):
            return Conflict(str(error))
        if isinstance(error, PermissionError):
            return Denied(str(error))
        if isinstance(error, IsADirectoryError | NotADirectoryError):
            return InvalidRequest(f"an object and a folder cannot share a name: {error}")
        return Unavailable(str(error)) if isinstance(error, OSError) else None

    def _read(self, uri: str) -> bytes:
        return cast(bytes, fsspec.filesystem("file").cat_file(str(path_of(uri))))

    def _open(self, uri: str) -> BinaryIO:
        return cast(BinaryIO, fsspec.filesystem("file").open(str(path_of(uri)), "rb"))

    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        return _put(path_of(uri), io.BytesIO(data), only_if_absent=only_if_absent)

    def _upload(self, file: Path, uri: str) -> ObjectInfo:
        with file.open("rb") as source:
            return _put(path_of(uri), source, only_if_absent=False)

    def _walk(self, prefix: str) -> Iterator[ObjectInfo]:
        path = path_of(prefix)
        if path.is_file():
            yield _info(path)
            return
        found = fsspec.filesystem("file").find(str(path))
        for name in sorted(Path(name).as_posix() for name in found):
            if not Path(name).name.startswith(_DRAFT):
                with contextlib.suppress(FileNotFoundError):  # others write and remove here
                    yield _info(Path(name))

    def _remove(self, uri: str) -> None:
        path_of(uri).unlink(missing_ok=True)


def _info(path: Path) -> ObjectInfo:
    status = path.stat()
    etag = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
    return ObjectInfo(
        uri=path.as_uri(),
        size=status.st_size,
        etag=hashlib.sha256(etag.encode()).hexdigest()[:32],
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
    )


def _put(path: Path, source: BinaryIO, *, only_if_absent: bool) -> ObjectInfo:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(str(error)) from error
    draft = path.with_name(f"{_DRAFT}{uuid.uuid4().hex}")
    try:
        with draft.open("wb") as out:
            shutil.copyfileobj(source, out)
            out.flush()
            os.fsync(out.fileno())
        if only_if_absent:
            os.link(draft, path)  # fails if the name is taken, and never shows a part
        else:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return _info(path)
