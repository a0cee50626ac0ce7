"""Which of two like columns is the larger one: they may be exchanged, or one be in another unit.

Departures as planned and as they were, a temperature and its dew point: their ranges are much the
same, so no check of a single column tells one from the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

from tasks.checks.line import ERROR, line, query
from tasks.checks.profile import Column, Kind, Order, Profile
from tasks.validation.parquet import VIEW, quoted

LIKE = 0.6  # correlation by row, of columns that are like each other
WIDTHS, ROOM = 0.2, 0.02  # widths of what was seen, on either side, and a share of the rows
ALWAYS = 0.999  # share of the rows that leaves no doubt


def search(
    base: duckdb.DuckDBPyConnection,
    columns: Sequence[Column],
    correlations: Mapping[tuple[str, str], float],
    batch: str,
) -> Iterator[Order]:
    """Yield the order of like columns whose exchange would be noticed."""
    ranges = {
        column.name: (min(column.each("low")), max(column.each("high")))
        for column in columns
        if column.kind is Kind.NUMBER and column.each("low")
    }
    for (one, other), correlation in correlations.items():
        (low, high), (least, most) = ranges[one], ranges[other]
        if correlation < LIKE or low >= most or least >= high:
            continue
        found = Order(one=one, other=other, batches=seen(base, one, other, batch))
        if found.batches and _tells(found):
            yield found


def seen(base: duckdb.DuckDBPyConnection, one: str, other: str, batch: str) -> dict[str, float]:
    """Return for each batch how often ``one`` is larger, of the rows where they differ."""
    asked = (
        f"select {quoted(batch)}::varchar, {_share(one, other)} from {VIEW} "
        f"where {quoted(one)} <> {quoted(other)} group by 1"
    )
    return {name: float(share) for name, share in base.execute(asked).fetchall()}


def orders(profile: Profile, natural: str) -> Iterator[dict[str, Any]]:
    """Yield the lines; what was always so stops a batch, the rest may change with the season."""
    for each in profile.orders:
        low, high = _limits(each)
        least, most = min(each.batches.values()), max(each.batches.values())
        share = _share(each.one, each.other)
        one, other = quoted(each.one), quoted(each.other)
        yield line(
            "unexpected_rows_expectation",
            {
                "unexpected_rows_query": query(
                    f"select {share} as larger",
                    f"where {one} <> {other} having {share} not between {low!r} and {high!r}",
                )
            },
            check=f"order of {each.one} and {each.other}",
            why=f"{each.one} was the larger one in {least:.2%} to {most:.2%} of the rows of "
            f"{len(each.batches)} batches; limits {low:.2%} and {high:.2%}",
            severity=ERROR if least >= ALWAYS or most <= 1 - ALWAYS else natural,
        )


def _tells(order: Order) -> bool:
    """Whether none of what was seen would be within the limits if the columns were exchanged."""
    low, high = _limits(order)
    return all(not low <= 1 - share <= high for share in order.batches.values())


def _limits(order: Order) -> tuple[float, float]:
    low, high = min(order.batches.values()), max(order.batches.values())
    room = WIDTHS * (high - low) + ROOM
    return max(low - room, 0.0), min(high + room, 1.0)


def _share(one: str, other: str) -> str:
    return f"avg(case when {quoted(one)} > {quoted(other)} then 1.0 else 0.0 end)"
