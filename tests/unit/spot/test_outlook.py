"""What is expected to be paid, and that it moves the right way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.spot.chains import COARSE, FINE, PLAIN, Chain, chain, levels, product
from tasks.spot.lives import Lives
from tasks.spot.outlook import Figures, Outlook
from tasks.spot.situation import Machine, Situation

HOURS, SLACK = 12.0, 6.0


def zone(loss: float, back: float) -> Chain:
    return Chain(starts=PLAIN, losses=(loss,), returns=(back,))


def outlook(
    chains: Sequence[Chain],
    prices: Sequence[float],
    *,
    overhead: float = 0.2,
    move: float = 0.1,
    slack: float = SLACK,
) -> Outlook:
    places = tuple("abc"[: len(chains)])
    figures = Figures(
        chains=tuple(chains),
        spot=tuple(prices),
        places=places,
        on_demand=(3.0,) * len(places),
        origins=places,
        moves={(a, b): 0.0 if a == b else move for a in places for b in places},
        overhead=overhead,
        reserve=overhead,
    )
    now = Situation(work_left=HOURS - slack, time_left=HOURS, offers=())
    return Outlook(figures, now, step=0.25)


def idle(solved: Outlook, time_left: float, slack: float, *, up: bool = True) -> float:
    chances = product([np.array([up, not up], dtype=float)] * len(solved.figures.chains))
    return solved.value(None, "a", chances, time_left, slack)


rates = st.floats(0.02, 3.0)
zones = st.lists(st.builds(zone, rates, rates), min_size=1, max_size=3)


@settings(max_examples=15, deadline=None)
@given(chains=zones, slack=st.floats(0.0, 5.0), more=st.floats(0.1, 1.0))
def test_more_slack_never_costs_more(chains: list[Chain], slack: float, more: float) -> None:
    solved = outlook(chains, (1.0, 1.1, 0.9)[: len(chains)])
    less_work = idle(solved, 10.0, slack + more), idle(solved, 10.0, slack)
    more_time = idle(solved, 10.0 + more, slack + more), idle(solved, 10.0, slack)
    for with_more, with_less in (less_work, more_time):
        assert with_more <= with_less * 1.02 + 0.05  # the grid is read linearly


@settings(max_examples=15, deadline=None)
@given(chains=zones, slack=st.floats(0.0, 5.0), cheaper=st.floats(0.3, 1.0))
def test_a_lower_price_never_costs_more(chains: list[Chain], slack: float, cheaper: float) -> None:
    prices = (1.0, 1.1, 0.9)[: len(chains)]
    less = outlook(chains, [cheaper * prices[0], *prices[1:]])
    assert idle(less, 10.0, slack) <= idle(outlook(chains, prices), 10.0, slack) + 1e-9


@settings(max_examples=15, deadline=None)
@given(chains=zones, other=st.builds(zone, rates, rates), slack=st.floats(0.0, 5.0))
def test_another_zone_never_costs_more(chains: list[Chain], other: Chain, slack: float) -> None:
    chains = chains[:2]
    prices = (1.0, 1.1)[: len(chains)]
    alone = outlook(chains, prices)
    both = outlook([*chains, other], [*prices, 0.8])
    for up in (True, False):
        assert idle(both, 10.0, slack, up=up) <= idle(alone, 10.0, slack, up=up) + 1e-9


def test_spot_that_is_never_lost_costs_its_price_and_its_launch() -> None:
    solved = outlook([zone(1e-9, 1.0)], (1.0,))
    assert idle(solved, 10.0, 5.0) == pytest.approx(5.0 + 0.2, rel=0.02)
    held = solved.value(Machine(zone="a", spot=True), "a", np.array([1.0, 0.0]), 10.0, 5.0)
    assert held == pytest.approx(5.0, rel=0.02)


@pytest.mark.parametrize("work", [0.01, 0.1, 0.5, 2.0])
def test_with_far_more_time_than_work_nothing_costs_less_than_the_work(work: float) -> None:
    solved = outlook([zone(0.3, 1.0)], (1.0,), slack=HOURS - work)
    for left in (HOURS, 9.0):
        slack = left - work
        waits = idle(solved, left, slack, up=False)
        launches = idle(solved, left, slack)
        held = solved.value(Machine(zone="a", spot=True), "a", np.array([1.0, 0.0]), left, slack)
        assert work <= held <= launches <= waits + 1e-9
        assert work + 0.2 <= launches < 1.5 * (work + 0.2)


def test_without_spot_it_costs_on_demand() -> None:
    solved = outlook([zone(1.0, 1e-9)], (1.0,))
    assert idle(solved, 10.0, 5.0, up=False) == pytest.approx(3.0 * 5.2, rel=0.02)


@pytest.mark.parametrize("starts", [PLAIN, COARSE, FINE])
def test_chances_add_up_to_one_whatever_was_seen(starts: tuple[int, ...]) -> None:
    lives = Lives()
    for tick in range(50):
        lives.see(tick % 7 > 2, 0.3)
    seen = chain(lives, starts)
    both, held = seen.transitions(0.5)
    assert both.sum(axis=1) == pytest.approx(np.ones(seen.states))
    assert (held <= both + 1e-12).all()
    for up in (True, False):
        stays, turned = seen.next(lives, up, 0.5)
        assert stays.sum() + turned.sum() == pytest.approx(1.0)


@given(count=st.integers(1, 6), room=st.integers(64, 200))
def test_zones_are_seen_as_finely_as_there_is_room_for(count: int, room: int) -> None:
    found = levels(count, room)
    sizes = [2 * len(starts) for starts in found]
    assert np.prod(sizes) <= room
    assert sizes == sorted(sizes, reverse=True)
