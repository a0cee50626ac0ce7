"""The copy of its source that a job works in: what it changes there, nobody else meets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from blocks.workload.digests import CACHE

LARGE = 100 << 20  # bytes; above, the log of the job tells how much was copied


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """How much a working copy holds."""

    files: int
    bytes: int

    def told(self, source: Path) -> str:
        """Return a line for the log of the job; empty where the copy costs nothing."""
        if self.bytes < LARGE:
            return ""
        return (
            f"bluewater: works in a copy of {source}, {self.bytes / 1e9:.1f} GB in {self.files:,} "
            "files; a smaller folder as training.source starts sooner\n"
        )


def copy(source: Path, target: Path, *, without: Collection[Path]) -> Copied:
    """Copy a folder, but for some folders below it and what Python compiled. Raises OSError.

    A link to a file becomes the file. A link to a folder stays one, and leads where it led: to the
    copy if that is within the source, else out of it.
    """
    left_out = {path.resolve() for path in without}
    count = size = 0
    for parent, folders, names in os.walk(source):
        here, there = Path(parent), target / Path(parent).relative_to(source)
        folders[:] = [
            name for name in folders if name != CACHE and (here / name).resolve() not in left_out
        ]
        there.mkdir(parents=True, exist_ok=True)
        for name in folders:
            if (here / name).is_symlink():
                (there / name).symlink_to(_led(here / name, source.resolve()))
        for name in names:
            if (here / name).is_file():  # what is no file, a socket or a dead link, stays behind
                shutil.copy2(here / name, there / name)
                count, size = count + 1, size + (there / name).stat().st_size
    return Copied(files=count, bytes=size)


def drop(target: Path) -> None:
    """Remove a working copy, or what there is of one. None is fine."""
    shutil.rmtree(target, ignore_errors=True)


def _led(link: Path, source: Path) -> Path:
    """Return what the copy of a link to a folder has to say."""
    led = link.resolve()
    return Path(os.path.relpath(led, link.parent.resolve())) if led.is_relative_to(source) else led
