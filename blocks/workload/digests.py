"""What is in a file or a folder, in one short word."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

CACHE = "__pycache__"  # where Python keeps what it compiled; it comes and goes
_CHUNK = 1 << 20


def digest(folder: Path | str) -> str:
    """Return the SHA-256 of a folder: over sorted relative paths, sizes and contents.

    For each file: its POSIX path in UTF-8, a zero byte, its size in eight bytes (big-endian), its
    content. Empty folders do not count, nor does what Python compiled. Raises NotADirectoryError
    for anything but a folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    return digest_of(
        (name, (folder / name).stat().st_size, _chunks(folder / name)) for name in files(folder)
    )


def digest_of(found: Iterable[tuple[str, int, Iterable[bytes]]]) -> str:
    """Return the digest of a folder that lies elsewhere, given its files as ``digest`` wants them.

    Each is its relative POSIX path, its size and its content in parts; paths in their order.
    """
    whole = hashlib.sha256()
    for name, size, content in found:
        whole.update(name.encode() + b"\0" + size.to_bytes(8, "big"))
        for chunk in content:
            whole.update(chunk)
    return whole.hexdigest()


def file_digest(file: Path) -> str:
    """Return the SHA-256 of one file's content."""
    whole = hashlib.sha256()
    for chunk in _chunks(file):
        whole.update(chunk)
    return whole.hexdigest()


def files(folder: Path) -> list[str]:
    """Return the relative POSIX paths of all files below ``folder``, sorted, without caches."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each != CACHE]
        found += [(Path(parent) / name).relative_to(folder).as_posix() for name in names]
    return sorted(found)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk
