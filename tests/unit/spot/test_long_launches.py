"""Where a launch takes long beside lives that end at any age, spot is not left too early."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.spot.__main__ import ours, terms
from benchmarks.spot.drawn import LAUNCHES, drawn
from benchmarks.spot.peers import Greedy
from benchmarks.spot.simulator import simulate


@pytest.mark.parametrize("kind", LAUNCHES)
def test_long_launches_cost_hardly_more_than_whoever_rides_all_spot(kind: str) -> None:
    """Greedy does about the best there: if age tells nothing, no launch is better than another."""
    jobs = list(islice(drawn(kind), 6))
    runs = [simulate(job, ours(job)) for job in jobs]
    greedy = sum(simulate(job, Greedy(terms(job))).cost for job in jobs)
    assert not any(run.late for run in runs)
    assert sum(run.cost for run in runs) <= 1.05 * greedy
