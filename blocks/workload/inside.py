"""Names that others gave, as paths below a folder: none may lead out of it."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath


class Escapes(ValueError):
    """A name leads out of the folder that it is to be put into. Nothing was written."""


def inside(folder: Path, name: str) -> Path:
    """Return the path of ``name`` below ``folder``. Raises Escapes.

    An object's key may hold anything: ``../../etc/cron.d/job`` is a name as good as any. Links that
    are in the folder already are followed, and may not lead out either.
    """
    path = PureWindowsPath(name)  # knows drives and both kinds of slashes
    if not name or "\0" in name or path.is_absolute() or path.anchor or ".." in path.parts:
        raise Escapes(f"{name!r} leads out of the folder it belongs to; nothing was written")
    whole = folder.resolve()
    target = folder / name
    if whole not in target.resolve().parents:
        raise Escapes(f"{name!r} leads out of {folder} by a link; nothing was written")
    return target
