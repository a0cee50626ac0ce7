"""The place on this machine where everything local is kept."""

from __future__ import annotations

import contextlib
import os
import uuid
from functools import cached_property
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field

HOME = "BLUEWATER_HOME"


def default_workspace() -> Path:
    """Return ``$BLUEWATER_HOME``, or ``.bluewater`` in the current folder."""
    return Path(os.environ.get(HOME) or ".bluewater").absolute()


class LocalMachine(Block):
    """A folder of this machine that holds jobs, models, endpoints and data.

    Folders below ``workspace``: ``jobs``, ``mlflow``, ``endpoints``, ``store``, ``batch``.
    """

    _block_type_name = "Local machine"
    _block_type_slug = "local-machine"

    workspace: Path = Field(
        default_factory=default_workspace, description="Folder for everything that is kept."
    )

    def folder(self, *parts: str) -> Path:
        """Return a folder of the workspace, made if it is not there."""
        path = self.workspace.absolute().joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    @cached_property
    def owner(self) -> str:
        """An id that no other workspace has; processes we start carry it in their environment."""
        file = self.folder() / "owner"
        if not file.exists():
            mine = file.with_name(f"owner.{uuid.uuid4().hex}")
            mine.write_text(uuid.uuid4().hex)
            with contextlib.suppress(FileExistsError):  # whoever links first names the workspace
                os.link(mine, file)
            mine.unlink()
        return file.read_text()
