"""What SageMaker made of the files of a job, brought to where the contract wants it.

SageMaker calls an answer like its file, with ``.out`` after it, and its pages do not agree on how
much of the file's folder is kept: so an answer belongs to the one file whose path ends as its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from blocks.cloud.batch_notes import DIGEST, ROWS
from blocks.cloud.bucket import Found
from blocks.cloud.scored_files import mark_of
from blocks.contracts import Unexpected
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.s3 import GONE, Objects
from blocks.providers.aws.transform.calls import SUFFIX, Listed, Record, outputs_of

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 16  # objects
_A_LOOK = 500  # answers that one look gives their names: a second or a few
_FOOTER = 1 << 16  # bytes; the footer of nearly every file is smaller
_TAIL = 8  # bytes after it: its length, and four letters


class Answers:
    """The answers of one job, whose record lies in the folder ``home``."""

    def __init__(self, objects: Objects, record: Record, home: str) -> None:
        self._objects, self._record, self._home = objects, record, home

    def name(self) -> int:
        """Give answers the names of their files; return how many are left for the next look."""
        found = self._objects.below(outputs_of(self._home))
        there = [each for each in found if each.name.endswith(SUFFIX)]
        _each(self._named, there[:_A_LOOK])
        return len(there[_A_LOOK:])

    def rows(self) -> int | None:
        """Return the rows of all files; None if one of them is not scored."""
        found = _each(self._rows, self._record.files)
        known = [each for each in found if each is not None]
        return sum(known) if len(known) == len(found) else None

    def unscored(self, there: Iterable[str]) -> Sequence[Listed]:
        """Return the files that this model has not scored; ``there`` is what the output has."""
        names = set(there)
        kept = [each for each in self._record.files if each.name in names]
        rows = _each(self._rows, kept)
        done = {each.name for each, some in zip(kept, rows, strict=True) if some is not None}
        return [each for each in self._record.files if each.name not in done]

    def _named(self, answer: Found) -> None:
        """Copy one to its name, and let go of what SageMaker called it."""
        file = self._file(answer.name.removesuffix(SUFFIX))
        try:
            rows = str(rows_in(self._objects, answer))
            notes = {DIGEST: self._mark(file), ROWS: rows}
            self._objects.copy(answer, self._place(file), notes=notes)
        except ClientError as error:
            if code_of(error) not in GONE:  # else another look was first
                raise
        self._objects.remove(answer.uri)

    def _rows(self, file: Listed) -> int | None:
        notes = self._objects.notes(self._place(file))
        return int(notes[ROWS]) if notes.get(DIGEST) == self._mark(file) else None

    def _file(self, name: str) -> Listed:
        files = self._record.files
        alike = [each for each in files if each.name == name] or [
            each
            for each in files
            if each.name.endswith(f"/{name}") or name.endswith(f"/{each.name}")
        ]
        if len(alike) != 1:
            raise Unexpected(f"an answer {name!r} belongs to none of the files, or to several")
        return alike[0]

    def _place(self, file: Listed) -> str:
        return f"{self._record.request.output_uri.rstrip('/')}/{file.name}"

    def _mark(self, file: Listed) -> str:
        return mark_of(self._record.request.model.digest, size=file.size, etag=file.etag)


def rows_in(objects: Objects, found: Found) -> int:
    """Return how many rows a Parquet object has, from its footer alone."""
    tail = objects.last(found, _FOOTER)
    length = int.from_bytes(tail[-_TAIL:-4], "little") + _TAIL
    if length > len(tail):
        tail = objects.last(found, length)
    return int(pq.read_metadata(pa.BufferReader(tail)).num_rows)


def _each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Do the same to several at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as several:
        return list(several.map(work, items))
