"""Checks of times: long before all that was seen, or far after the batch that came last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tasks.checks.line import ERROR, WARNING, line, query
from tasks.checks.profile import Column, Profile
from tasks.validation.parquet import quoted

DAY = 86400.0  # seconds
EPOCH, LONG_AGO = datetime(1970, 1, 1), -50 * 365.25 * DAY
AHEAD = 300 * DAY  # a wrong year is further; a suite that old had better learn what came since
JUMPS = 3.0  # times the furthest step from one batch's last time to the next one's


def times(column: Column, profile: Profile) -> Iterator[dict[str, Any]]:
    """Yield limits on either side; what comes later has later times, so that one only warns."""
    low, high = min(column.each("low")), max(column.each("high"))
    limit = max(low - max(high - low, DAY), min(low, LONG_AGO))
    yield _limit(
        column,
        "earliest",
        limit,
        why=f"nothing was before {_told(low)}; as long again as all that was seen: {_told(limit)}",
    )
    seen = [column.batches[batch].high for batch in profile.batches if batch in column.batches]
    ends = [each for each in seen if each is not None]
    jump = max((abs(later - before) for before, later in pairwise(ends)), default=0.0)
    limit = ends[-1] + max(AHEAD, JUMPS * jump)
    if limit < (datetime.max - EPOCH).total_seconds() - 1:
        yield _limit(
            column,
            "latest",
            limit,
            why=f"the batch that was accepted last ended at {_told(ends[-1])}, and no batch ended "
            f"more than {jump / DAY:.0f} days from the one before; limit {_told(limit)}",
        )


def _limit(column: Column, end: str, limit: float, *, why: str) -> dict[str, Any]:
    name, early = quoted(column.name), end == "earliest"
    aside, found = ("earlier", f"min({name})") if early else ("later", f"max({name})")
    beyond = f"{name} {'<' if early else '>'} timestamp '{_told(limit)}'"
    return line(
        "unexpected_rows_expectation",
        {
            "unexpected_rows_query": query(
                f"select count(*) as {aside}, {found} as {end}",
                f"where {beyond} having count(*) > 0",
            )
        },
        check=f"{end} {column.name}",
        why=why,
        severity=ERROR if early else WARNING,
    )


def _told(seconds: float) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat(" ", "seconds")
