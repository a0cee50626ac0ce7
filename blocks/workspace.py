"""A folder of this machine that has an owner id of its own. No Prefect here: it starts Prefect."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from pathlib import Path

from blocks.contracts import InvalidRequest

HOME = "BLUEWATER_HOME"
NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


def default_workspace() -> Path:
    """Return ``$BLUEWATER_HOME``, or ``.bluewater`` in the current folder."""
    return Path(os.environ.get(HOME) or ".bluewater").absolute()


def folder_of(workspace: Path, *parts: str) -> Path:
    """Return a folder of the workspace, made if it is not there.

    Raises InvalidRequest where nobody may make it.
    """
    path = workspace.absolute().joinpath(*parts)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in NOT_OURS:
            raise
        raise InvalidRequest(
            f"the workspace {workspace} cannot be written: {error.strerror}; set {HOME} to a "
            "folder that you may write to",
            code="WORKSPACE",
        ) from error
    return path


def owner_of(workspace: Path) -> str:
    """Return an id that no other workspace has; whoever asks first makes it."""
    file = folder_of(workspace) / "owner"
    if not file.exists():
        mine = file.with_name(f"owner.{uuid.uuid4().hex}")
        mine.write_text(uuid.uuid4().hex)
        with contextlib.suppress(FileExistsError):  # whoever links first names the workspace
            os.link(mine, file)
        mine.unlink()
    return file.read_text()
