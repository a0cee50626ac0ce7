"""Stopping what runs, in an order in which nothing comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

from pydantic import ValidationError

from blocks.contracts import Unavailable
from blocks.providers.local.desired import Desired, EndpointFolder
from blocks.providers.local.processes import Identity, Owned, stop

_ROUNDS = 5  # a process may start another at the moment it is stopped
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL


def stop_all(find: Callable[[], Sequence[Owned]], order: Callable[[Owned], int]) -> None:
    """Stop what ``find`` returns until that is nothing. Raises Unavailable if it keeps coming."""
    for _ in range(_ROUNDS):
        found = sorted(find(), key=order)
        if not found:
            return
        for each in found:
            stop(each.identity, grace=_GRACE)
    raise Unavailable(
        f"processes {[each.identity.pid for each in find()]} are started again and again; stop "
        "what starts them",
        code="STILL_RUNNING",
    )


def empty_endpoint(folder: EndpointFolder) -> None:
    """Say that the endpoint is to have no variants, so that no supervisor starts one again."""
    if folder.exists:
        with folder.changing() as box:
            now = box[-1]
            if now != Desired(revision=now.revision, moves=now.moves):
                box.append(Desired(revision=now.revision, moves=now.moves + 1))


def forget_replicas(folder: EndpointFolder) -> None:
    """Clear the places of servers that are gone; else the next look sends a supervisor to do so."""
    for place in (folder.path / "replicas").glob("*"):
        shutil.rmtree(place, ignore_errors=True)


def supervisor_first(folder: EndpointFolder) -> Callable[[Owned], int]:
    """Return the order in which an endpoint's processes go: first who would start them again."""
    try:
        text = (folder.path / "supervisor.json").read_text()
        supervisor: Identity | None = Identity.model_validate_json(text)
    except (FileNotFoundError, ValidationError):
        supervisor = None
    return lambda found: 0 if found.identity == supervisor else 1
