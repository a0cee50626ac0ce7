"""What a run decided, written once: who comes later, or again, does the same."""

from __future__ import annotations

from functools import partial

from blocks.contracts import Conflict, NotFound, ObjectStore
from tasks.waiting import OUTAGE, Pace, patiently


class Notes:
    """Small files below one place of a store; the first that is written counts.

    Whoever watches a job for days looks into them again and again: a store may be away meanwhile.
    """

    def __init__(self, store: ObjectStore, place: str, pace: Pace) -> None:
        self._store, self._place, self._pace = store, place, pace

    def has(self, name: str) -> bool:
        """Whether something was written under a name."""
        return self.read(name) is not None

    def read(self, name: str) -> bytes | None:
        """Return what was written, or None."""
        return patiently(partial(self._read, name), within=OUTAGE, pace=self._pace)

    def write(self, name: str, text: bytes) -> bytes:
        """Write, unless somebody did; return what is there."""
        return patiently(partial(self._write, name, text), within=OUTAGE, pace=self._pace)

    def _read(self, name: str) -> bytes | None:
        try:
            return self._store.read(f"{self._place}/{name}")
        except NotFound:
            return None

    def _write(self, name: str, text: bytes) -> bytes:
        try:
            self._store.write(f"{self._place}/{name}", text, only_if_absent=True)
        except Conflict:
            return self._store.read(f"{self._place}/{name}")
        return text
