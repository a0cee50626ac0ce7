"""The blobs of an emulated storage account, as its wire and the machines of the cloud see them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from blocks.emulation.folders import files_below


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One blob as it was written: it is replaced, never changed."""

    content: bytes
    etag: str
    modified: float
    headers: dict[str, str] = field(default_factory=dict)


class Blobs:
    """Blobs by container and name. Guarded by the world's lock.

    They are stamped with our own time: who compares has no other clock.
    """

    def __init__(self, account: str, lock: RLock) -> None:
        self.account, self.lock = account, lock
        self._numbers = itertools.count(1)
        self._containers: dict[str, dict[str, Blob]] = {}
        self._blocks: dict[tuple[str, str], dict[str, bytes]] = {}

    def create(self, container: str) -> bool:
        """Make a container; return whether there was none."""
        with self.lock:
            new = container not in self._containers
            self._containers.setdefault(container, {})
        return new

    def has(self, container: str) -> bool:
        """Whether there is such a container."""
        return container in self._containers

    def find(self, container: str, name: str) -> Blob | None:
        """Return a blob, or None."""
        return self._containers.get(container, {}).get(name)

    def put(
        self, container: str, name: str, content: bytes, headers: dict[str, str] | None = None
    ) -> Blob:
        """Write a blob into a container that is there. Raises KeyError."""
        with self.lock:
            blob = Blob(
                content=content,
                etag=f'"0x8D{next(self._numbers):013X}"',
                modified=time.time(),
                headers=headers or {},
            )
            self._containers[container][name] = blob
            self._blocks.pop((container, name), None)
        return blob

    def append(self, container: str, name: str, content: bytes) -> None:
        """Write on at the end of a blob, as logs are written."""
        with self.lock:
            self.create(container)
            old = self.find(container, name)
            self.put(container, name, (old.content if old else b"") + content)

    def stage(self, container: str, name: str, block: str, content: bytes) -> None:
        """Keep a block of a blob that is to come."""
        with self.lock:
            self._blocks.setdefault((container, name), {})[block] = content

    def staged(self, container: str, name: str) -> dict[str, bytes]:
        """Return the blocks of a blob that is to come."""
        return self._blocks.get((container, name), {})

    def remove(self, container: str, name: str) -> bool:
        """Remove a blob; return whether it was there."""
        with self.lock:
            return self._containers.get(container, {}).pop(name, None) is not None

    def below(self, container: str, prefix: str) -> list[tuple[str, Blob]]:
        """Return the blobs whose names begin so, in the order of their names."""
        with self.lock:
            found = self._containers.get(container, {}).items()
            return sorted((each for each in found if each[0].startswith(prefix)), key=_name)

    def download(self, container: str, path: str, folder: Path) -> int:
        """Copy what is below a path into a folder; return how many files that were."""
        count = 0
        for name, blob in self.below(container, f"{path.rstrip('/')}/" if path else ""):
            inside = name[len(path.rstrip("/")) :].lstrip("/")
            if inside and not inside.endswith("/"):
                file = folder / inside
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(blob.content)
                count += 1
        return count


class Mount:
    """A folder of this machine that stands for a mounted path of a container.

    What is written, changed or removed there is carried to the blobs when ``carry`` is called.
    """

    def __init__(self, blobs: Blobs, container: str, path: str, folder: Path) -> None:
        self._blobs, self._container, self._path = blobs, container, path.strip("/")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        blobs.download(container, self._path, folder)
        self._seen = dict(self._stamps())

    def carry(self) -> None:
        """Carry what is new, changed or gone since the last time."""
        now = dict(self._stamps())
        for file, stamp in now.items():
            if self._seen.get(file) != stamp:
                try:
                    self._blobs.put(self._container, self._named(file), file.read_bytes())
                except FileNotFoundError:
                    continue  # drafts come and go
                self._seen[file] = stamp
        for file in [each for each in self._seen if each not in now]:
            self._blobs.remove(self._container, self._named(file))
            del self._seen[file]

    def _named(self, file: Path) -> str:
        return f"{self._path}/{file.relative_to(self.folder).as_posix()}"

    def _stamps(self) -> Iterator[tuple[Path, tuple[int, int, int]]]:
        for file in files_below(self.folder):
            try:
                status = file.stat()
            except FileNotFoundError:
                continue
            if file.is_file():
                yield file, (status.st_mtime_ns, status.st_size, status.st_ino)


def _name(found: tuple[str, Blob]) -> str:
    return found[0]
