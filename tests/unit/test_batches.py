"""Batches come in the order in which people count them."""

from __future__ import annotations

import pytest

from tasks.batches import in_order


@pytest.mark.parametrize(
    "names",
    [
        ["2023-W52", "2024-W9", "2024-W10"],
        ["0", "1", "2", "9", "10", "29"],
        ["2024-01-31", "2024-02-01", "2024-10-01"],
        ["a", "b", "part-9", "part-10", "part-10b"],
        [],
    ],
)
def test_names_are_in_the_order_of_their_numbers(names: list[str]) -> None:
    assert in_order(reversed(names)) == names
