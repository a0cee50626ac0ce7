"""Objects by URI: data sets, checkpoints, models, journals."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, ClassVar, final

from blocks.contracts.base import Contract
from blocks.contracts.errors import InvalidRequest, Unsupported
from blocks.contracts.operation import Frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFeatures:
    """What a provider's object store can do."""

    conditional_write: bool  # create-if-absent is atomic
    scheme: str  # s3, gs, abfss, file

    def require_scheme(self, uri: str) -> None:
        """Raise InvalidRequest for a URI that this store does not hold."""
        if not uri.startswith(f"{self.scheme}://"):
            raise InvalidRequest(f"{uri!r} is not a {self.scheme}:// URI", code="SCHEME")

    def require_conditional_write(self) -> None:
        """Raise Unsupported where two writers cannot be told apart."""
        if not self.conditional_write:
            raise Unsupported("create-if-absent is not atomic here", code="CONDITIONAL_WRITE")


class ObjectInfo(Frozen):
    """One object without its content."""

    uri: str
    size: int  # bytes
    etag: str
    modified: datetime


class ObjectStore(Contract):
    """Read and write objects by URI. Provider classes build on fsspec."""

    capability: ClassVar[str] = "store"
    features: ClassVar[StoreFeatures]

    @property
    @abc.abstractmethod
    def root(self) -> str:
        """URI under which the platform keeps what it writes, without a closing slash."""

    @final
    def read(self, uri: str) -> bytes:
        """Return the object's bytes. Raises NotFound."""
        with self._calling("read"):
            self.features.require_scheme(uri)
            return self._read(uri)

    @final
    def open(self, uri: str) -> BinaryIO:
        """Return a seekable reader, for objects larger than memory. Raises NotFound."""
        with self._calling("open"):
            self.features.require_scheme(uri)
            return self._open(uri)

    @final
    def write(self, uri: str, data: bytes, *, only_if_absent: bool = False) -> ObjectInfo:
        """Write the object whole, or not at all. With ``only_if_absent``, Conflict if it exists."""
        with self._calling("write"):
            self.features.require_scheme(uri)
            if only_if_absent:
                self.features.require_conditional_write()
            return self._write(uri, data, only_if_absent)

    @final
    def upload(self, file: Path, uri: str) -> ObjectInfo:
        """Copy a file of this machine there, whole or not at all, in little memory."""
        with self._calling("upload"):
            self.features.require_scheme(uri)
            return self._upload(file, uri)

    @final
    def walk(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects below ``prefix`` (a folder, or one object), in name order."""
        with self._calling("walk"):
            self.features.require_scheme(prefix)
            yield from self._walk(prefix)

    @final
    def remove(self, uri: str) -> None:
        """Remove the object; one that is not there is removed already."""
        with self._calling("remove"):
            self.features.require_scheme(uri)
            self._remove(uri)

    @abc.abstractmethod
    def _read(self, uri: str) -> bytes: ...
    @abc.abstractmethod
    def _open(self, uri: str) -> BinaryIO: ...
    @abc.abstractmethod
    def _write(self, uri: str, data: bytes, only_if_absent: bool) -> ObjectInfo: ...
    @abc.abstractmethod
    def _upload(self, file: Path, uri: str) -> ObjectInfo: ...
    @abc.abstractmethod
    def _walk(self, prefix: str) -> Iterator[ObjectInfo]: ...
    @abc.abstractmethod
    def _remove(self, uri: str) -> None: ...
