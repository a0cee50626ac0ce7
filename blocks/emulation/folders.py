"""Looking into folders that a container is still at work in."""

from __future__ import annotations

import os
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """Return the files below a folder in the order of their names, without what goes meanwhile.

    ``Path.rglob`` fails before Python 3.13 where a folder goes just before it looks into it.
    """
    walked = os.walk(folder)
    return sorted(Path(parent) / name for parent, _, names in walked for name in names)
