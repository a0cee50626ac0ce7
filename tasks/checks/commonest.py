"""A check that no number is in more and more rows: a sensor that is stuck, a default that is sent.

A column that is stuck for half a batch is no constant one, and its mean may be as it always was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.checks.line import WARNING, line, query
from tasks.checks.profile import Column
from tasks.validation.parquet import quoted

ROOM, FLOOR = 2.0, 0.1  # times the most so far; and of all rows


def commonest(column: Column) -> Iterator[dict[str, Any]]:
    """Yield a limit of the share of rows that the most frequent number has."""
    seen = column.each("commonest")
    if not seen or len(seen) < len(column.each("low")):
        return  # it was profiled before this was measured
    most, name = max(seen), quoted(column.name)
    limit = ROOM * most + FLOOR
    if limit >= 1:
        return
    yield line(
        "unexpected_rows_expectation",
        {
            "unexpected_rows_query": query(
                f"select value, number, rows from (select {name} as value, count(*) as number, "
                "sum(count(*)) over () as rows",
                f"where {name} is not null group by {name}) where number > {limit!r} * rows",
            )
        },
        check=f"stuck {column.name}",
        why=f"no value was in more than {most:.2%} of the rows of {len(seen)} batches; "
        f"limit {limit:.2%}",
        severity=WARNING,
    )
