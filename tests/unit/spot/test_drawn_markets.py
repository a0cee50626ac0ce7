"""On markets of kinds that recorded ones have little of."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.spot.__main__ import ours, terms
from benchmarks.spot.drawn import LONG_LAUNCHES, WORLDS, drawn
from benchmarks.spot.optimum import optimum
from benchmarks.spot.peers import Greedy
from benchmarks.spot.simulator import simulate


@pytest.mark.parametrize("kind", LONG_LAUNCHES)
def test_long_launches_cost_hardly_more_than_whoever_rides_all_spot(kind: str) -> None:
    """Greedy does about the best there: if age tells nothing, no launch is better than another."""
    jobs = list(islice(drawn(kind), 6))
    runs = [simulate(job, ours(job)) for job in jobs]
    greedy = sum(simulate(job, Greedy(terms(job))).cost for job in jobs)
    assert not any(run.late for run in runs)
    assert sum(run.cost for run in runs) <= 1.05 * greedy


@pytest.mark.parametrize("kind", WORLDS)
def test_no_job_on_a_drawn_market_is_late_nor_cheaper_than_the_optimum(kind: str) -> None:
    for job in islice(drawn(kind), 2):
        run = simulate(job, ours(job))
        assert not run.late
        assert run.cost >= optimum(job) - 1e-6
