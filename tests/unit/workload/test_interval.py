from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.workload import best_interval


def goodput(interval: float, save: float, between: float, restart: float) -> float:
    """Daly 2006, eq. 13 and 20: the share of time that becomes work."""
    segment = between * math.exp(restart / between) * (math.exp((interval + save) / between) - 1)
    return interval / segment


@pytest.mark.parametrize(
    ("hours", "minutes"), [(0.5, 5.1), (1, 7.4), (3, 13.1), (8, 21.6), (24, 37.6)]
)
def test_the_interval_is_the_one_that_was_found_by_search(hours: float, minutes: float) -> None:
    """The optimum for a save of 30 s, found by maximising the goodput numerically."""
    assert best_interval(30, hours * 3600) / 60 == pytest.approx(minutes, abs=0.06)


@given(save=st.floats(0.01, 600), between=st.floats(600, 1e6))
def test_no_other_interval_is_much_better(save: float, between: float) -> None:
    if save > between / 10:
        return
    mine = goodput(best_interval(save, between), save, between, restart=60)
    for factor in (0.25, 0.5, 0.8, 1.25, 2, 4):
        other = goodput(best_interval(save, between) * factor, save, between, restart=60)
        assert other <= mine * 1.0005


def test_where_saving_takes_longer_than_a_machine_lives_there_is_still_an_interval() -> None:
    assert best_interval(7200, 3600) == 3600
