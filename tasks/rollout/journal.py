"""What was decided about an endpoint, written down before it is done.

One append-only log per endpoint. Each entry is an object of its own, created only if absent, so
that two processes can never both write entry n: whoever loses stops. Any process can read the log
and go on from its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from blocks.contracts import (
    Conflict,
    Frozen,
    ModelVersion,
    NotFound,
    ObjectStore,
    Traffic,
    VariantRequest,
)
from tasks.rollout.spec import RolloutSpec


class Event(StrEnum):
    """What an entry of the journal says."""

    BEGUN = "begun"  # green is going to be deployed
    TAKEN_UP = "taken up"  # another process drives the rollout from here on
    READY = "ready"  # green is up, without traffic, and answers by its contract
    SHADOW = "shadow"  # green is going to get copies of live requests
    STEP = "step"  # green is going to get a share
    LIVE = "live"  # green has everything; the registry's alias is going to follow
    RETURNING = "returning"  # traffic is going back to blue
    RETURNED = "returned"  # the end: blue has everything, green is gone
    FINISHED = "finished"  # the end: green has everything, blue is gone


CLOSED = (Event.RETURNED, Event.FINISHED)


class Entry(Frozen):
    """One line of the journal."""

    number: int
    at: datetime
    run: str
    by: str  # the process that wrote it
    event: Event
    why: str = ""
    percent: int | None = None  # green's share, for STEP
    green: VariantRequest | None = None  # for BEGUN
    blue: str | None = None  # the live variant, for BEGUN; None = the endpoint was new
    blue_model: ModelVersion | None = None
    before: Traffic | None = None  # the split that was in force, for BEGUN
    alias: str = ""  # what the registry calls the version that serves, for BEGUN
    spec: RolloutSpec | None = None  # for BEGUN


class TakenUp(Exception):
    """Another process drives this rollout now; this one must stop, and has changed nothing."""


class RolloutInProgress(Exception):
    """The endpoint is in the middle of the rollout of another run."""


class Journal:
    """The log of one endpoint, seen by one process."""

    def __init__(self, store: ObjectStore, endpoint: str, *, by: str) -> None:
        self._store, self._by = store, by
        self._prefix = f"{store.root}/rollouts/{endpoint}/journal"
        self._last = -1

    def current(self) -> Sequence[Entry]:
        """Read the newest rollout, from BEGUN on; none is an empty list."""
        numbers = sorted(
            int(found.uri.rpartition("/")[2].removesuffix(".json"))
            for found in self._store.walk(self._prefix)
        )
        self._last = numbers[-1] if numbers else -1
        entries: list[Entry] = []
        for number in reversed(numbers):
            entries.append(Entry.model_validate_json(self._store.read(self._uri(number))))
            if entries[-1].event is Event.BEGUN:
                break
        return entries[::-1]

    def append(self, entry: Entry) -> Entry:
        """Write the next entry. Raises TakenUp if another process wrote one since we last read."""
        placed = entry.model_copy(update={"number": self._last + 1, "by": self._by})
        data = placed.model_dump_json().encode()
        try:
            self._store.write(self._uri(placed.number), data, only_if_absent=True)
        except Conflict as conflict:
            # a reply may have been lost after the write was done: then the entry there is ours
            if self._store.read(self._uri(placed.number)) != data:
                raise TakenUp(f"entry {placed.number} was written by another process") from conflict
        self._last = placed.number
        return placed

    def require_last(self) -> None:
        """Raise TakenUp if another process has written an entry since we last did.

        To be asked between looking at what is to be changed and changing it: whoever takes a
        rollout up says so first, so that what he has changed by then makes our change fail.
        """
        try:
            self._store.read(self._uri(self._last + 1))
        except NotFound:
            return
        raise TakenUp(f"entry {self._last + 1} was written by another process")

    def _uri(self, number: int) -> str:
        return f"{self._prefix}/{number:08d}.json"


def is_open(entries: Sequence[Entry]) -> bool:
    """Whether these entries are a rollout that has not come to its end."""
    return bool(entries) and entries[-1].event not in CLOSED
