"""One line of the audit log."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from datetime import datetime
from enum import StrEnum

from blocks.contracts import Frozen

FIRST = "0" * 64
"""What the first line names as the one before it."""


class Act(StrEnum):
    """What was done, by its kind."""

    APPROVAL = "approval"  # somebody, or silence, said yes or no
    DEPLOY = "deploy"  # a version is brought up beside the one that serves
    SHIFT = "shift"  # traffic moves, or is copied
    PROMOTION = "promotion"  # an alias names another version
    RETURN = "return"  # traffic goes back to the version before
    RETIRE = "retire"  # a version is taken down
    SWEEP = "sweep"  # something that nobody wanted is removed


class Deed(Frozen):
    """Something that is done, said before it is done."""

    id: str  # the same for the same deed, however often a replay says it
    act: Act
    subject: str  # the endpoint, alias or resource
    what: str
    who: str
    why: str = ""
    run: str = ""
    at: datetime


class Line(Frozen):
    """A deed at its place in the chain."""

    number: int
    previous: str  # digest of the line before
    deed: Deed

    def content(self) -> bytes:
        """Return the bytes that are kept, and that the next line's ``previous`` covers."""
        return self.model_dump_json().encode()


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a line as it is kept."""
    return hashlib.sha256(content).hexdigest()


def this_process() -> str:
    """Return the user and the machine that act now, for deeds that no person answers for."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
