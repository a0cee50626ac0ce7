"""The page of the specification's fields is what is checked now."""

from __future__ import annotations

from docs.specification import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "python -m docs.specification"


def test_every_field_says_what_it_is_for() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []
