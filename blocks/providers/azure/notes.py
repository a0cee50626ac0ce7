"""Notes beside a job's output, by which lost machines are known: Azure sends no signal.

The container leaves ``start-*`` each time that it starts. Whoever looks and finds a job that has
started without a machine leaves ``waiting-N``, N being its starts so far; and ``given-up`` before
it cancels a job that waited too long.
"""

from __future__ import annotations

from dataclasses import replace

from blocks.providers.azure.objects import Objects
from blocks.providers.azure.training_calls import Notes


def read_notes(objects: Objects, folder: str) -> Notes:
    """Return what has been left."""
    found = {each.name: each for each in objects.below(folder)}
    starts = sum(name.startswith("start-") for name in found)
    waiting = found.get(f"waiting-{starts}")
    return Notes(
        starts=starts,
        waiting_since=waiting.modified if waiting else None,
        given_up="given-up" in found,
    )


def settle_notes(objects: Objects, folder: str, notes: Notes, *, waiting: bool) -> Notes:
    """Note that a job waits for a machine again, or that it does not; return what holds now."""
    note = f"{folder}/waiting-{notes.starts}"
    if waiting and notes.waiting_since is None:
        objects.swap(note, b"", etag=None)
        return read_notes(objects, folder)
    if not waiting and notes.waiting_since is not None:
        objects.remove(note)
        return replace(notes, waiting_since=None)
    return notes
