"""The audit log of a platform: one object a line, each sealed by the digest of the line before.

A line is created only if its number is free, so that of two writers one comes first and the other
chains its own line to that one. A line is there whole or not at all; whoever dies before it has
written nothing. Nothing is ever replaced but a note of where the end was: writers do not rely on
it, and it is a second witness of the last line, which no other line covers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from blocks.contracts import Conflict, Frozen, NotFound, ObjectStore, Unavailable
from tasks.audit.entries import FIRST, Deed, Line, digest_of
from tasks.memory import recall

TRIES = 1000  # lines that others may write while we write one
SKEW = timedelta(hours=1)  # by which clocks of two machines may differ
_FOLDER = "audit/lines"
_NOTE = "audit/end.json"


class Note(Frozen):
    """A line that was the last one at some time."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where the log ends: the number of its last line, and its digest. -1 = there is none."""

    number: int
    digest: str


class AuditLog:
    """Appends to the log, and reads it. Needs a store whose create-if-absent is atomic."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def append(self, deed: Deed) -> End:
        """Write a deed as the next line; return where the log ends then.

        Raises Unsupported for a store in which two writers cannot be told apart.
        """
        end = self._end()
        for _ in range(TRIES):
            line = Line(number=end.number + 1, previous=end.digest, deed=deed)
            content = line.content()
            try:
                self._store.write(self._uri(line.number), content, only_if_absent=True)
            except Conflict:
                # a reply may have been lost after the write was done: then the line there is ours
                if self._store.read(self._uri(line.number)) != content:
                    end = self._from(line.number, self._store.read(self._uri(line.number)))
                    continue
            end = End(number=line.number, digest=digest_of(content))
            note = Note(number=end.number, digest=end.digest)
            self._store.write(self._note, note.model_dump_json().encode())
            return end
        raise Unavailable(f"others wrote {TRIES} lines of the audit log first; try again")

    def once(self, *deeds: Deed) -> int:
        """Append, in their order, the deeds that are not there; return how many.

        For what a replay says again: a process may have died between a deed and its line.
        """
        if not deeds:
            return 0
        known, first = set(), min(deed.at for deed in deeds)
        for line in self.back():
            known.add(line.deed.id)
            if line.deed.at < first - SKEW:
                break
        new = [deed for deed in deeds if deed.id not in known]
        for deed in new:
            self.append(deed)
        return len(new)

    def back(self) -> Iterator[Line]:
        """Yield the lines from the last one back. Raises ValueError for one that is no line."""
        for number in range(self._end().number, -1, -1):
            yield Line.model_validate_json(self._store.read(self._uri(number)))

    def numbers(self) -> list[int]:
        """Return the numbers of all that is kept as lines, in order; for a look that trusts none.

        Raises ValueError for an object that has no number.
        """
        found = self._store.walk(f"{self._store.root}/{_FOLDER}")
        return sorted(int(each.uri.rpartition("/")[2].removesuffix(".json")) for each in found)

    def content(self, number: int) -> bytes:
        """Return a line as it is kept. Raises NotFound."""
        return self._store.read(self._uri(number))

    def noted(self) -> Note | None:
        """Return the note of where the end was; None if there is none that can be read."""
        try:
            return recall(self._store, self._note, Note)
        except ValidationError:
            return None

    def _end(self) -> End:
        note = self.noted()
        if note is not None:
            try:
                return self._from(note.number, self.content(note.number))
            except NotFound:
                pass  # the note says what is not so: look at all there is
        numbers = self.numbers()
        if not numbers:
            return End(number=-1, digest=FIRST)
        return self._from(numbers[-1], self.content(numbers[-1]))

    def _from(self, number: int, content: bytes) -> End:
        """Return the end of the log, looked for from a line that is there."""
        while True:
            try:
                further = self.content(number + 1)
            except NotFound:
                return End(number=number, digest=digest_of(content))
            number, content = number + 1, further

    @property
    def _note(self) -> str:
        return f"{self._store.root}/{_NOTE}"

    def _uri(self, number: int) -> str:
        return f"{self._store.root}/{_FOLDER}/{number:012d}.json"
