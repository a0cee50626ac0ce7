"""What a run decided, written once: who comes later, or again, does the same."""

from __future__ import annotations

from blocks.contracts import Conflict, NotFound, ObjectStore


class Notes:
    """Small files below one place of a store; the first that is written counts."""

    def __init__(self, store: ObjectStore, place: str) -> None:
        self._store, self._place = store, place

    def has(self, name: str) -> bool:
        """Whether something was written under a name."""
        return self.read(name) is not None

    def read(self, name: str) -> bytes | None:
        """Return what was written, or None."""
        try:
            return self._store.read(f"{self._place}/{name}")
        except NotFound:
            return None

    def write(self, name: str, text: bytes) -> bytes:
        """Write, unless somebody did; return what is there."""
        try:
            self._store.write(f"{self._place}/{name}", text, only_if_absent=True)
        except Conflict:
            return self._store.read(f"{self._place}/{name}")
        return text
