"""Ticks out of a log: nothing is lost, and nothing that was told changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from blocks.cloud.logged_ticks import LoggedTick, sealed
from blocks.contracts import VariantTick, Window

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = Window(start=START, end=START + timedelta(days=1))
SETTLE = 5


def line(second: int, *, arrived: float, requests: int = 1, variant: str = "blue") -> LoggedTick:
    tick = VariantTick(
        variant=variant,
        start=START + timedelta(seconds=second),
        seconds=1.0,
        requests=requests,
        latency={3: requests},
    )
    return LoggedTick(tick=tick, arrived=START.timestamp() + arrived)


def told(lines: Sequence[LoggedTick], now: float) -> list[VariantTick]:
    moment = START + timedelta(seconds=now)
    there = [each for each in lines if each.arrived <= moment.timestamp()]
    return list(sealed(there, DAY, settle=SETTLE, now=moment))


def test_replicas_of_a_variant_are_one_tick() -> None:
    lines = [line(0, arrived=1.2, requests=2), line(0, arrived=2.5, requests=3)]
    [tick] = told(lines, now=60)
    assert (tick.requests, tick.latency, tick.start) == (5, {3: 5}, START)


def test_a_tick_is_told_only_when_no_line_can_come_any_more() -> None:
    lines = [line(0, arrived=1.2)]
    assert told(lines, now=SETTLE + 0.9) == []
    assert len(told(lines, now=SETTLE + 1)) == 1


def test_a_late_line_counts_for_a_later_tick() -> None:
    lines = [line(0, arrived=1.2, requests=1), line(0, arrived=30.5, requests=7)]
    assert [(each.start - START, each.requests) for each in told(lines, now=60)] == [
        (timedelta(0), 1),
        (timedelta(seconds=30 - SETTLE), 7),
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.floats(0.0, 60.0)).map(
            lambda each: line(each[0], arrived=each[0] + each[1])
        ),
        max_size=30,
    ),
    st.lists(st.floats(0, 200), min_size=2, max_size=2).map(sorted),
)
def test_what_was_told_once_is_told_again_and_in_the_end_all_is(
    lines: list[LoggedTick], moments: list[float]
) -> None:
    early, late = (told(lines, now=each) for each in moments)
    assert late[: len(early)] == early
    assert sum(each.requests for each in told(lines, now=1000)) == len(lines)
