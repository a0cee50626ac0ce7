"""The place on this machine where everything local is kept."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field

from blocks.workspace import default_workspace, folder_of, owner_of


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
        return folder_of(self.workspace, *parts)

    @cached_property
    def owner(self) -> str:
        """An id that no other workspace has; processes we start carry it in their environment."""
        return owner_of(self.workspace)
