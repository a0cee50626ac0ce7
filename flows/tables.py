"""Tables that read well in a terminal of any width: no word is ever broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Rows = Sequence[Mapping[str, str]]

_AROUND = 3  # a cell's own: its left line, and a blank on each side; the last line is one more


class Told:
    """Rows as a table, whose columns share the width; where not even words fit, one by one."""

    def __init__(self, rows: Rows, *, title: str) -> None:
        self._names = [name for name in (rows[0] if rows else ()) if any(r[name] for r in rows)]
        self._rows, self._title = rows, Text(title, style="table.title")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what is printed."""
        if not self._names:
            yield self._title
            return
        cells = [[name, *(row[name] for row in self._rows)] for name in self._names]
        room = options.max_width - _AROUND * len(cells) - 1
        widths = shared(list(map(_least, cells)), list(map(_most, cells)), room)
        if widths is not None:
            yield self._table(widths)
        else:
            yield from self._one_by_one()

    def _table(self, widths: Sequence[int]) -> Table:
        table = Table(title=self._title, title_justify="left", expand=False)
        for name, width in zip(self._names, widths, strict=True):
            table.add_column(Text(name), width=width)
        for row in self._rows:
            table.add_row(*(Text(row[name]) for name in self._names))
        return table

    def _one_by_one(self) -> RenderResult:
        """Yield each row as lines of name and value."""
        yield self._title
        label = max(map(len, self._names))
        for row in self._rows:
            block = Table.grid(padding=(0, 2))
            block.add_column(style="table.header", width=label)
            block.add_column(overflow="fold")  # only what is longer than a line is broken
            for name in self._names:
                if row[name]:
                    block.add_row(Text(name), Text(row[name]))
            yield Padding(block, (0, 0, 1, 2))


def shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int] | None:
    """Return the widths of columns that need between ``least`` and ``most`` each.

    What is left over what all need goes to whoever has the least and wants more. None: there is no
    room for the longest words.
    """
    if (left := room - sum(least)) < 0:
        return None
    widths = list(least)
    while left > 0:
        wanting = [n for n, width in enumerate(widths) if width < most[n]]
        if not wanting:
            break
        widths[min(wanting, key=widths.__getitem__)] += 1
        left -= 1
    return widths


def _least(cells: Sequence[str]) -> int:
    return max((len(word) for cell in cells for word in cell.split()), default=0)


def _most(cells: Sequence[str]) -> int:
    return max((len(line) for cell in cells for line in cell.splitlines()), default=0)
