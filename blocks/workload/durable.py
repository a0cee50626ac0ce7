"""Files that are there whole or not at all, also after the power went."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_bytes(file: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace ``file`` in one step; readers see the old content or the new, never a part."""
    draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("wb") as out:
            out.write(data)
            out.flush()
            if sync:
                os.fsync(out.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(file.parent)


def write_json(file: Path, value: Mapping[str, Any], *, sync: bool = True) -> None:
    """Replace ``file`` by ``value`` as JSON in one step."""
    write_bytes(file, json.dumps(value, sort_keys=True).encode(), sync=sync)


def sync_file(file: Path) -> None:
    """Wait until the disk has the file's content."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the folder's list of names."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError:
        pass  # some mounted object stores cannot sync a folder; the manifest tells a torn one
    finally:
        os.close(opened)
