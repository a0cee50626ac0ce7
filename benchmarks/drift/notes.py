"""What was measured so far, so that hours of work need not be done again to change a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


class Notes:
    """A JSON file of cells, each by its table, its row and its column."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._cells: dict[str, Cell] = json.loads(file.read_text()) if file.exists() else {}

    def has(self, table: str, row: str, column: object) -> bool:
        """Whether this was measured; what failed was not."""
        cell = self.cell(table, row, column)
        return bool(cell) and "failed" not in cell

    def keep(self, table: str, row: str, column: object, cell: Cell) -> None:
        """Write a cell down at once."""
        self._cells[_key(table, row, column)] = cell
        self._file.write_text(json.dumps(self._cells, indent=1))

    def cell(self, table: str, row: str, column: object) -> Cell:
        """Return a cell; an empty one where nothing was measured."""
        return self._cells.get(_key(table, row, column), {})


def _key(table: str, row: str, column: object) -> str:
    return f"{table} | {row} | {column}"
