"""A uniform sample of rows of bounded size, taken while they pass by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


class RowSample:
    """Keeps the rows with the smallest random numbers (Vitter's reservoir, by priorities)."""

    def __init__(self, size: int, *, seed: int = 0) -> None:
        self._size = size
        self._random = np.random.default_rng(seed)
        self._kept: list[tuple[np.ndarray, pa.Table]] = []
        self._held = 0
        self.seen = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Let rows pass by."""
        self.seen += len(rows)
        self._kept.append((self._random.random(len(rows)), pa.table(rows)))
        self._held += len(rows)
        if self._held > 2 * self._size:
            self._thin()

    def table(self) -> pa.Table:
        """Return the sample in the order the rows came; at most ``size`` of them."""
        self._thin()
        if not self._kept:
            return pa.table({})
        return self._kept[0][1]

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
