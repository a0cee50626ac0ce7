"""How many replicas a variant should have, on a clock of our own."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from blocks.contracts import ModelVersion, Serving, VariantRequest
from blocks.providers.local.scaling import DOWN_AFTER, UP_AFTER, Scaling

MODEL = ModelVersion(name="m", version="1", uri="file:///m", digest="0")


def scaling(least: int, most: int) -> Scaling:
    return Scaling(
        VariantRequest(
            endpoint="e",
            variant="blue",
            model=MODEL,
            machine="local.small",
            min_replicas=least,
            max_replicas=most,
            serving=Serving(concurrency=10),
        )
    )


def test_it_grows_when_load_holds_and_shrinks_when_quiet_holds() -> None:
    found = scaling(1, 3)
    assert found.target(10, 1, 0.0) == 1
    assert found.target(10, 1, UP_AFTER) == 2
    assert found.target(20, 2, UP_AFTER + 1) == 2
    assert found.target(20, 2, 2 * UP_AFTER + 1) == 3
    quiet = 3 * UP_AFTER
    assert found.target(0, 3, quiet) == 3
    assert found.target(0, 3, quiet + DOWN_AFTER) == 2
    assert found.target(0, 2, quiet + DOWN_AFTER + 1) == 2
    assert found.target(0, 2, quiet + 2 * DOWN_AFTER + 1) == 1


def test_a_moment_of_load_or_quiet_changes_nothing() -> None:
    found = scaling(1, 3)
    for second in range(100):
        busy = 10 if second % 2 else 5
        assert found.target(busy, 1, float(second)) == 1


@given(
    loads=some.lists(some.integers(0, 1000), max_size=50),
    least=some.integers(1, 4),
    more=some.integers(0, 12),
)
def test_it_stays_between_the_least_and_the_most(loads: list[int], least: int, more: int) -> None:
    found, live = scaling(least, least + more), least
    for second, load in enumerate(loads):
        live = found.target(load, live, second * 10.0)
        assert least <= live <= least + more


def test_a_replica_that_keeps_dying_is_started_less_and_less_often() -> None:
    found, starts, now = scaling(1, 1), list[float](), 0.0
    while now < 120:
        if found.may_start(len(starts), now):
            starts.append(now)
        now += 0.1
    waits = [after - before for before, after in pairwise(starts)]
    assert all(after >= before - 0.2 for before, after in pairwise(waits))
    assert 20 < waits[-1] < 31
