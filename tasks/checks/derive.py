"""A suite from a profile: what stops a batch, what only warns, and by what evidence.

Hard is only what a season does not change: types, names of columns, rows, signs, ranges of three
times the width, constants, keys, dependencies, ratios, and units against the batch that was
accepted last. New values, missing values, and ranges and signs of what moves from batch to batch
change with the season: they warn until a full season has been seen. A location or scale that moves
is drift: it warns for ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from tasks.checks.commonest import commonest
from tasks.checks.line import ERROR, WARNING, line, query
from tasks.checks.measure import GARBLED
from tasks.checks.orders import orders
from tasks.checks.profile import Column, Dependency, Kind, Profile, Ratio
from tasks.checks.relations import differs, ratio
from tasks.checks.times import times
from tasks.checks.whole import whole
from tasks.validation.parquet import quoted

FEW, SOME = 2, 20  # different values, counted approximately: 1 may read as 2
NEAR_ZERO = 0.02  # of the largest value: what comes so close to zero has it for a limit
MISSING_ROOM, MISSING_FLOOR = 2.0, 0.005  # times the most so far; and of all rows
LARGEST_UNIT_LIMIT = 1.5  # a mile is 1.6 kilometres
LEAST_UNIT_LIMIT = 1.25
RATIO_ROOM = 0.1  # on either side of what was seen, besides three times its width
GARBLED_ROOM = 0.005  # of the rows: a single text may come from elsewhere
MEAN_ROOM = 1.0  # widths of what was seen, on either side
LISTED = 500  # values of a column that are listed one by one


def suite(profile: Profile) -> dict[str, Any]:
    """Return a Great Expectations suite as JSON holds it."""
    return {
        "name": profile.name,
        "expectations": list(_expectations(profile)),
        "meta": {
            "batch": profile.batch,
            "batches": len(profile.batches),
            "accepted_last": profile.batches[-1],
            "slices": list(profile.slices()),
        },
    }


def _expectations(profile: Profile) -> Iterator[dict[str, Any]]:
    natural = ERROR if profile.seasoned else WARNING
    yield from whole(profile)
    for column in profile.columns:
        if column.type:
            yield line(
                "expect_column_values_to_be_of_type",
                {"column": column.name, "type_": column.type},
                check="type",
                why="the type it always had",
            )
        if column.name == profile.batch:
            continue
        yield from _values(column, profile, natural)
        yield from _natural(column, profile, natural)
    yield from (_depends(each, profile, natural) for each in profile.dependencies)
    for each in profile.ratios:
        yield from _ratio(each)
    yield from orders(profile, natural)


def _values(column: Column, profile: Profile, natural: str) -> Iterator[dict[str, Any]]:
    """Yield what holds for a column whatever the season."""
    if column.constant:
        value = column.levels[0] if column.levels else column.each("low")[0]
        yield line(
            "expect_column_values_to_be_in_set",
            {"column": column.name, "value_set": [value]},
            check="constant",
            why=f"it was {value!r} in all batches",
            severity=ERROR if column.levels else natural,  # a number may yet move, as years do
        )
        return
    least = min(column.each("distinct"), default=0)
    if column.type and least > FEW:  # values of a type without a name may not be told apart
        yield line(
            "expect_column_unique_value_count_to_be_between",
            {"column": column.name, "min_value": 2},
            check="not constant",
            why=f"no batch had fewer than {least:,.0f} different values",
            severity=ERROR if least > SOME else natural,
        )
    if column.kind is Kind.NUMBER and column.each("low"):
        yield from _numbers(column, profile, natural)
    if column.kind is Kind.TIME and column.each("low"):
        yield from times(column, profile)
    if column.readable:
        yield line(
            "expect_column_values_to_not_match_regex",
            {"column": column.name, "regex": GARBLED, "mostly": 1 - GARBLED_ROOM},
            check="encoding",
            why="letters beyond ASCII, and none was ever read in another encoding than written in",
        )


def _numbers(column: Column, profile: Profile, natural: str) -> Iterator[dict[str, Any]]:
    low, high = min(column.each("low")), max(column.each("high"))
    hard = ERROR if column.steady else natural
    if low >= 0:
        yield line(
            "expect_column_values_to_be_between",
            {"column": column.name, "min_value": 0},
            check="sign",
            why=f"never negative; the least was {low:g}",
            severity=ERROR if low <= NEAR_ZERO * high else hard,
        )
    yield line(
        "expect_column_values_to_be_between",
        {"column": column.name, "min_value": low - (high - low), "max_value": high + (high - low)},
        check="range",
        why=f"{low:g} to {high:g} in {len(profile.batches)} batches; its width more on each side",
        severity=hard,
    )
    yield from _unit(column, profile)
    yield from commonest(column)


def _unit(column: Column, profile: Profile) -> Iterator[dict[str, Any]]:
    """Yield a limit of the median against the batch that was accepted last.

    Only where batches differ by less than any two units do: else it would find seasons.
    """
    seen = [column.batches[batch] for batch in profile.batches if batch in column.batches]
    known = [values.median for values in seen if values.median is not None and values.median > 0]
    if not known or len(known) < len(seen):
        return
    jump = max((abs(math.log(b / a)) for a, b in pairwise(known)), default=0)
    limit = max(math.exp(1.5 * jump), LEAST_UNIT_LIMIT)
    if limit > LARGEST_UNIT_LIMIT:
        return
    yield line(
        "expect_column_median_to_be_between",
        {"column": column.name, "min_value": known[-1] / limit, "max_value": known[-1] * limit},
        check="unit",
        why=f"the median was {known[-1]:g} in {profile.batches[-1]}, and never changed by more "
        f"than {math.exp(jump):.2f} times from one batch to the next; a unit changes it by more",
    )


def _natural(column: Column, profile: Profile, severity: str) -> Iterator[dict[str, Any]]:
    """Yield what changes with the season."""
    rates = [values.missing_rate for values in column.batches.values()]
    allowed = min(MISSING_ROOM * max(rates) + MISSING_FLOOR, 1.0)
    if allowed < 1:
        yield line(
            "expect_column_values_to_not_be_null",
            {"column": column.name, "mostly": round(1 - allowed, 6)},
            check="missing",
            why=f"at most {max(rates):.2%} missing in {len(rates)} batches; limit {allowed:.2%}",
            severity=severity,
        )
    if column.levels and not column.constant and len(column.levels) <= LISTED:
        yield line(
            "expect_column_values_to_be_in_set",
            {"column": column.name, "value_set": list(column.levels)},
            check="new values",
            why=f"{len(column.levels)} values in {len(profile.batches)} batches",
            severity=severity,
        )
    if column.kind is Kind.NUMBER and not column.constant:
        for what, expectation, name in (
            ("mean", "expect_column_mean_to_be_between", "location"),
            ("spread", "expect_column_stdev_to_be_between", "scale"),
        ):
            if seen := column.each(what):
                yield _moment(column, seen, expectation, name)


def _moment(column: Column, seen: Sequence[float], expectation: str, check: str) -> dict[str, Any]:
    low, high = min(seen), max(seen)
    room = MEAN_ROOM * (high - low) + 1e-9 * max(abs(low), abs(high))
    return line(
        expectation,
        {"column": column.name, "min_value": low - room, "max_value": high + room},
        check=check,
        why=f"{low:.4g} to {high:.4g} in {len(seen)} batches; beyond, it may be drift",
        severity=WARNING,
    )


def _depends(each: Dependency, profile: Profile, natural: str) -> dict[str, Any]:
    by, column = ", ".join(map(quoted, each.by)), quoted(each.column)
    apart = differs(profile.column(each.column))
    numbers = any(profile.column(name).kind is Kind.NUMBER for name in each.by)
    return line(
        "unexpected_rows_expectation",
        {
            "unexpected_rows_query": query(
                f"select {by}, min({column}) as least, max({column}) as most",
                f"group by {by} having {apart}",
            )
        },
        check=f"{', '.join(each.by)} determines {each.column}",
        why=f"it did for all {each.groups:,} different values",
        severity=natural if numbers else ERROR,  # those have less to do with each other than names
    )


def _ratio(each: Ratio) -> Iterator[dict[str, Any]]:
    seen = [math.log(value) for value in each.batches.values()]
    if not seen:
        return
    room = 3 * (max(seen) - min(seen)) + RATIO_ROOM
    low, high = math.exp(min(seen) - room), math.exp(max(seen) + room)
    found = ratio(each.over, each.under)
    yield line(
        "unexpected_rows_expectation",
        {
            "unexpected_rows_query": query(
                f"select {found} as ratio", f"having {found} not between {low!r} and {high!r}"
            )
        },
        check=f"ratio of {each.over} to {each.under}",
        why=f"{math.exp(min(seen)):.4g} to {math.exp(max(seen)):.4g} in {len(seen)} batches "
        f"(correlation {each.correlation:.2f}); limits {low:.4g} and {high:.4g}",
    )
