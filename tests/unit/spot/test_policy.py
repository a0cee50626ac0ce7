"""The deadline is a promise: a job that on-demand could end in time ends in time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.spot.optimum import optimum
from benchmarks.spot.scenario import Scenario, Zone
from benchmarks.spot.simulator import Run, simulate
from tasks.spot.policy import SpotPolicy
from tasks.spot.situation import Action, Decision, Offer, Situation, Terms

GAP = 0.25  # hours
NAMES = ("a", "b", "c", "d", "e")


def scenario(
    *ups: Sequence[bool],
    work: float = 6.0,
    overhead: float = 0.5,
    prices: Sequence[float | Sequence[float]] = (1.0, 1.2, 2.5, 0.8, 2.9),
    egress: float = 0.0,
) -> Scenario:
    zones = tuple(
        Zone(
            name=name,
            up=np.asarray(up, dtype=bool),
            spot=np.broadcast_to(np.asarray(price), len(up)),
            on_demand=3.0,
            before=np.zeros(0, dtype=bool),
        )
        for name, up, price in zip(NAMES, ups, prices, strict=False)
    )
    names = NAMES[: len(ups)]
    return Scenario(
        kind="test",
        bundle="test",
        zones=zones,
        gap=GAP,
        work=work,
        overhead=overhead,
        egress={(a, b): egress for a in names for b in names if a != b},
        reference={},
    )


def terms(job: Scenario, *, certain: float = GAP) -> Terms:
    return Terms(overhead=job.overhead, step=job.gap, certain=certain, egress=job.egress)


class Watched:
    """A policy whose decisions are kept."""

    def __init__(self, told: Terms) -> None:
        self.policy, self.decisions = SpotPolicy(told), list[Decision]()

    def decide(self, now: Situation) -> Decision:
        self.decisions.append(self.policy.decide(now))
        return self.decisions[-1]


def run(job: Scenario) -> tuple[Run, list[Decision]]:
    watched = Watched(terms(job))
    return simulate(job, watched), watched.decisions


def against(job: Scenario, rounds: int = 12) -> Scenario:
    """Return the market that takes each machine back in the tick after it was launched, and later.

    Each round the policy is run, and the first tick in which it held spot for some time goes away.
    """
    for turn in range(rounds):
        _, decisions = run(job)
        held = [at for at, each in enumerate(decisions) if each.action is Action.SPOT]
        if turn >= len(held):
            return job
        lost = held[turn] + 1 + turn % 3
        for zone in job.zones:
            zone.up[lost : lost + 1] = False
    return job


markets = st.integers(1, 3).flatmap(
    lambda zones: st.lists(
        st.lists(st.booleans(), min_size=40, max_size=40), min_size=zones, max_size=zones
    )
)


@settings(max_examples=25, deadline=None)
@given(
    ups=markets,
    work=st.floats(0.3, 9.2),
    overhead=st.floats(0.0, 0.8),
    egress=st.floats(0, 20),
    prices=st.permutations([0.4, 1.0, 2.9]),
)
def test_no_market_makes_it_late_when_on_demand_could_have_been_in_time(
    ups: list[list[bool]], work: float, overhead: float, egress: float, prices: list[float]
) -> None:
    job = scenario(*ups, work=work, overhead=overhead, egress=egress, prices=prices)
    done, _ = run(job)
    assert not done.late


@settings(max_examples=10, deadline=None)
@given(
    ups=markets,
    walks=st.lists(st.lists(st.floats(0.1, 4.0), min_size=40, max_size=40), min_size=3, max_size=3),
    work=st.floats(0.3, 9.5),
)
def test_prices_that_change_with_every_look_do_not_make_it_late(
    ups: list[list[bool]], walks: list[list[float]], work: float
) -> None:
    done, _ = run(scenario(*ups, work=work, egress=2.0, prices=walks))
    assert not done.late


@settings(max_examples=10, deadline=None)
@given(slack=st.floats(0.0, 4.0), overhead=st.floats(0.05, 0.8), zones=st.integers(1, 5))
def test_a_market_that_takes_back_whatever_is_launched_does_not_make_it_late(
    slack: float, overhead: float, zones: int
) -> None:
    work = 40 * GAP - overhead - slack
    job = against(scenario(*[[True] * 40] * zones, work=work, overhead=overhead))
    done, _ = run(job)
    assert not done.late


@settings(max_examples=10, deadline=None)
@given(ups=markets, change=st.integers(1, 39))
def test_what_comes_later_changes_no_decision_before_it(ups: list[list[bool]], change: int) -> None:
    other = [[*up[:change], *(not value for value in up[change:])] for up in ups]
    _, first = run(scenario(*ups))
    _, second = run(scenario(*other))
    both = min(change, len(first), len(second))
    assert first[:both] == second[:both]


@settings(max_examples=10, deadline=None)
@given(ups=markets, egress=st.floats(0, 5))
def test_nothing_is_cheaper_than_the_optimum(ups: list[list[bool]], egress: float) -> None:
    job = scenario(*ups, egress=egress)
    assert run(job)[0].cost >= optimum(job) - 1e-6


def test_spot_that_stays_is_kept_until_the_end() -> None:
    done, decisions = run(scenario([True] * 60))
    first = next(at for at, each in enumerate(decisions) if each.action is Action.SPOT)
    assert first <= 2  # a market never seen before may be looked at once or twice
    assert {each.action for each in decisions[first + 1 :]} == {Action.STAY}
    assert done.cost == pytest.approx(6.5 * 1.0)


works = st.sampled_from([1 / 3600, 0.02, 0.1, 0.5, 2.0, 6.0, 24.0, 48.0])
ratios = st.floats(math.log(1.05), math.log(1e5)).map(math.exp)
steps = st.sampled_from([5 / 3600, 0.05, GAP])
enough = settings(max_examples=12, deadline=None)


@enough
@given(work=works, ratio=ratios, overhead=st.floats(0, 0.5), step=steps, price=st.floats(0.2, 1))
def test_however_much_time_there_is_spot_that_is_there_and_cheap_is_taken(
    work: float, ratio: float, overhead: float, step: float, price: float
) -> None:
    offers = (Offer(zone="a", up=True, spot=price, on_demand=3.0),)
    now = Situation(work_left=work, time_left=work * ratio, offers=offers)
    assume(now.slack > 2 * (overhead + step))  # else a loss would leave on-demand only
    decision = SpotPolicy(Terms(overhead=overhead, step=step)).decide(now)
    assert decision.action is Action.SPOT
    assert decision.expected_cost is not None
    assert price * work <= decision.expected_cost <= 3 * (work + overhead) * 1.01


@enough
@given(
    work=st.floats(0.1, 3.0),
    ratio=ratios,
    overhead=st.floats(0.0, 0.5),
    spells=st.lists(st.integers(4, 12), min_size=2, max_size=8),  # none shorter than a launch
)
def test_however_much_time_there_is_it_is_in_time_and_cheaper_than_on_demand(
    work: float, ratio: float, overhead: float, spells: list[int]
) -> None:
    ticks = math.floor(work * ratio / GAP)
    assume(work + overhead + 2 * GAP <= ticks * GAP)
    up = [at % 2 == 0 for at, ticks in enumerate(spells) for _ in range(ticks)]
    tiled = [up[at % len(up)] for at in range(min(ticks, 1000))]
    job = scenario(tiled, work=work, overhead=overhead)
    done, _ = run(job)
    assert not done.late
    if ticks > 200:
        assert done.cost <= 3 * (work + overhead)
        assert not done.on_demand_hours


@pytest.mark.parametrize("spell", [[True, False], [True, True, False, False, False]])
def test_where_no_spot_outlasts_a_launch_few_launches_are_lost(spell: list[bool]) -> None:
    done, _ = run(scenario(spell * 60, work=3.0, overhead=0.5))
    assert done.cost <= 3 * 3.5 + 4 * 0.5
    assert done.launches <= 5


def test_without_time_to_lose_it_is_on_demand_and_says_why() -> None:
    job = scenario([True] * 26)
    done, decisions = run(job)
    assert not done.late
    assert decisions[0].action is Action.ON_DEMAND
    assert "sure to meet the deadline" in decisions[0].reason
    assert decisions[0].slack == pytest.approx(0.0)


def test_a_short_gap_is_waited_through_while_there_is_slack() -> None:
    up = [True] * 12 + [False] + [True] * 80
    done, decisions = run(scenario(up))
    assert done.on_demand_hours == 0
    assert decisions[12].action is Action.WAIT


def test_a_checkpoint_that_costs_more_to_move_than_it_saves_is_not_moved() -> None:
    late_bargain = [False] * 8 + [True] * 92
    dear, _ = run(scenario([True] * 100, late_bargain, prices=(1.0, 0.8), egress=50.0))
    free, _ = run(scenario([True] * 100, late_bargain, prices=(1.0, 0.2), overhead=0.05, work=15.0))
    assert dear.cost == pytest.approx(6.5)
    assert free.cost < 15.0 * 0.6


def test_where_a_loss_may_undo_work_it_leaves_spot_earlier() -> None:
    offers = (Offer(zone="a", up=True, spot=1.0, on_demand=3.0),)
    now = Situation(work_left=5.0, time_left=6.0, offers=offers)
    sure = SpotPolicy(Terms(overhead=0.2, step=GAP)).decide(now)
    unsure = SpotPolicy(Terms(overhead=0.2, step=GAP, lost=1.0)).decide(now)
    assert (sure.action, unsure.action) == (Action.SPOT, Action.ON_DEMAND)


def test_on_demand_is_left_for_the_spot_of_another_zone() -> None:
    """A zone that is gone for good keeps nobody on demand while its neighbour has spot."""
    gone, there = [False] * 120, [False] * 40 + [True] * 80
    done, decisions = run(scenario(gone, there, work=20.0, overhead=0.1, egress=0.1))
    assert decisions[45].action is Action.STAY
    assert done.on_demand_hours < 4.0


def test_what_costs_nothing_can_be_compared() -> None:
    policy = SpotPolicy(Terms(overhead=0.2, step=GAP))
    offers = tuple(Offer(zone=z, up=True, spot=0.0, on_demand=0.0) for z in ("a", "b"))
    for left in (9.0, 9.0 - GAP):
        now = Situation(work_left=5.0, time_left=left, offers=offers)
        assert policy.decide(now).expected_cost == pytest.approx(0.0)


def test_of_zones_alike_the_one_that_is_seldom_lost_is_taken() -> None:
    policy = SpotPolicy(Terms(overhead=0.5, step=GAP))
    for tick in range(400):
        offers = [
            Offer(zone=name, up=bool(tick % period), spot=price, on_demand=3.0)
            for name, period, price in (("a", 4, 1.0), ("b", 200, 1.1))
        ]
        policy.watch(offers, GAP)
    now = Situation(work_left=10.0, time_left=14.0, offers=tuple(offers))
    assert policy.decide(now).zone == "b"


def test_lifetimes_are_learnt() -> None:
    policy = SpotPolicy(Terms(overhead=0.2, step=GAP))
    for tick in range(400):
        offers = [
            Offer(zone=name, up=bool(tick % period), spot=1.0, on_demand=3.0)
            for name, period in (("a", 4), ("b", 200))
        ]
        policy.watch(offers, GAP)
    assert policy.interruptions_per_hour("a") > 0.8  # taken back after three ticks of four
    assert policy.interruptions_per_hour("b") < 0.1
