"""Checks of a batch as a whole: its columns, its rows, and rows that are there twice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tasks.checks.line import ERROR, WARNING, line
from tasks.checks.profile import Profile

ROWS = 2.0  # times fewer, or more, than any batch so far
REPEATED_ROOM, REPEATED_FLOOR = 2.0, 0.01  # times the most so far; and of all rows
RARELY = 0.05  # of the rows, that repeat another


def whole(profile: Profile) -> Iterator[dict[str, Any]]:
    """Yield what holds for the names of columns, the number of rows, and rows that agree."""
    names = [column.name for column in profile.columns]
    yield line(
        "expect_table_columns_to_match_set",
        {"column_set": names, "exact_match": True},
        check="columns",
        why="the columns that were always there",
    )
    rows = profile.rows()
    yield line(
        "expect_table_row_count_to_be_between",
        {"min_value": math.floor(min(rows) / ROWS), "max_value": math.ceil(max(rows) * ROWS)},
        check="rows",
        why=f"{len(rows)} batches had {min(rows):,} to {max(rows):,} rows; half to twice that",
    )
    if len(profile.key) == 1:
        yield line(
            "expect_column_values_to_be_unique",
            {"column": profile.key[0]},
            check="key",
            why="no two rows ever agreed",
        )
    elif profile.key:
        yield line(
            "expect_compound_columns_to_be_unique",
            {"column_list": list(profile.key)},
            check="key",
            why="no two rows ever agreed in all of these",
        )
    elif profile.repeated:
        yield _repeated(profile)


def _repeated(profile: Profile) -> dict[str, Any]:
    """Return a limit of rows that are there twice, for data in which no columns are a key."""
    most = max(profile.repeated.values())
    limit = REPEATED_ROOM * most + REPEATED_FLOOR
    counts = "(select count(*) as number from {batch}) as whole"
    differing = "(select count(*) as number from (select distinct * from {batch}) as kept) as other"
    return line(
        "unexpected_rows_expectation",
        {
            "unexpected_rows_query": (
                f"select whole.number as rows, other.number as differing from {counts}, {differing}"
                f" where whole.number - other.number > {limit!r} * whole.number"
            )
        },
        check="repeated rows",
        why=f"at most {most:.2%} of a batch repeated another row; limit {limit:.2%}",
        severity=ERROR if most <= RARELY else WARNING,  # few values repeat by chance, more in more
    )
