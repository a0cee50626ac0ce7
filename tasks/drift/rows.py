"""A uniform sample of rows of bounded size, taken while they pass by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tasks.validation.fingerprint import row_hashes


class RowSample:
    """Keeps the rows with the smallest random numbers (Vitter's reservoir, by priorities).

    With ``keys``, columns that tell each row from all others, a row's number is a hash of these:
    samples of parts, joined, are then the sample of the whole. Without, they are so if each knows
    how many rows are before its ``first``, and they are joined in order.
    """

    def __init__(
        self, size: int, *, seed: int = 0, keys: Sequence[str] = (), first: int = 0
    ) -> None:
        self._size, self._keys = size, list(keys)
        self._random = np.random.Generator(np.random.PCG64(seed).advance(first))
        self._kept: list[tuple[np.ndarray, pa.Table]] = []
        self._held = 0
        self.seen = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Let rows pass by."""
        self.seen += len(rows)
        numbers: np.ndarray = (
            row_hashes(rows.select(self._keys)) if self._keys else self._random.random(len(rows))
        )
        self._kept.append((numbers, pa.table(rows)))
        self._grown(len(rows))

    def join(self, other: RowSample) -> None:
        """Let the rows pass by that another sample of this kind has seen."""
        self.seen += other.seen
        self._kept += other._kept
        self._grown(other._held)

    def table(self) -> pa.Table:
        """Return the sample in the order the rows came; at most ``size`` of them."""
        self._thin()
        if not self._kept:
            return pa.table({})
        return self._kept[0][1]

    def _grown(self, rows: int) -> None:
        self._held += rows
        if self._held > 2 * self._size:
            self._thin()

    def _thin(self) -> None:
        if not self._kept:
            return
        numbers = np.concatenate([number for number, _ in self._kept])
        tables = [_plain(table) for _, table in self._kept]
        whole = pa.concat_tables(tables, promote_options="permissive")
        if len(numbers) > self._size:
            staying = np.sort(np.argpartition(numbers, self._size)[: self._size])
            numbers, whole = numbers[staying], whole.take(pa.array(staying))
        self._kept, self._held = [(numbers, whole.combine_chunks())], len(numbers)


def _plain(table: pa.Table) -> pa.Table:
    """Return texts as texts: dictionaries of many batches cannot always be joined."""
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(at).cast(field.type.value_type)
            table = table.set_column(at, field.name, plain)
    return table
