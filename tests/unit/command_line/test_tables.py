"""Tables on terminals of any width: nothing is lost, and no word is broken that need not be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from flows.tables import Told, shared

JOB = "job" * 10
ROWS = [
    {
        "attempt": "0",
        "ended": "interrupted",
        "machine": "local.large (spot)",
        "why": "the market took the machine back in the middle of its work",
        "decided": "",
        "job": JOB,
    },
    {
        "attempt": "1",
        "ended": "succeeded",
        "machine": "local.large",
        "why": "",
        "decided": "",
        "job": JOB,
    },
]


def told(width: int, rows: list[dict[str, str]] = ROWS, title: str = "Training") -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(Told(rows, title=title))
    return capture.get()


@pytest.mark.parametrize("width", [50, 60, 80, 100, 120, 200])
def test_no_word_is_broken_at_any_width(width: int) -> None:
    said = told(width)
    words = {word for row in ROWS for value in row.values() for word in value.split()}
    assert words <= set(re.findall(r"[^\s│]+", said))
    assert max(map(len, said.splitlines())) <= width


@pytest.mark.parametrize("width", [40, 120])
def test_what_is_empty_in_every_row_is_left_out(width: int) -> None:
    assert "decided" not in told(width)
    assert "attempt" in told(width)


def test_a_wide_terminal_has_a_table_and_a_narrow_one_a_row_after_the_other() -> None:
    assert "┃" in told(120)
    narrow = told(40)
    assert "┃" not in narrow
    assert narrow.count("attempt") == 2


def test_a_word_that_is_longer_than_a_line_is_broken_and_whole() -> None:
    link = f"s3://bucket/{JOB}/{JOB}"
    said = told(40, [{"what": "model", "where": link}])
    assert link in "".join(said.split())


def test_without_rows_there_is_the_title_alone() -> None:
    assert told(80, [], "Nothing waits").strip() == "Nothing waits"


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 60)), min_size=1, max_size=8),
    st.integers(0, 200),
)
def test_columns_get_what_they_need_and_no_more_than_they_want(
    asked: list[tuple[int, int]], room: int
) -> None:
    least, most = [a for a, _ in asked], [a + more for a, more in asked]
    widths = shared(least, most, room)
    if widths is None:
        assert sum(least) > room
        return
    assert sum(widths) == max(sum(least), min(room, sum(most)))
    assert all(a <= w <= b for a, w, b in zip(least, widths, most, strict=True))
