"""A little more drift in each window: it is called once it matters, and not before."""

from __future__ import annotations

import pytest

from benchmarks.drift.world import Drift, World
from tasks.drift.alarm import Alarms


def called(seed: int, shift: float, missing: float) -> list[bool]:
    """Return for 15 windows whether the column is called in which so much is added each time."""
    world = World(seed=seed, wobble=0.03)
    alarms = Alarms(world.reference(10_000))
    leaks = (
        Drift(column="number_00", shift=number * shift, missing=number * missing)
        for number in range(1, 16)
    )
    windows = [alarms.judge(world.changed(10_000, [leak])) for leak in leaks]
    return [any(each.alarm and each.column == "number_00" for each in found) for found in windows]


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_a_mean_that_creeps_is_called_before_a_quarter_of_a_deviation(seed: int) -> None:
    """Steps of .02: a quarter is passed by the thirteenth; a third of it is still usual."""
    found = called(seed, shift=0.02, missing=0.0)
    assert not any(found[:2])
    assert all(found[12:])


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_missing_values_that_grow_are_called_from_the_share_that_matters(seed: int) -> None:
    """The smallest share that matters is 1 %, which the tenth window has in the mean."""
    found = called(seed, shift=0.0, missing=0.001)
    assert not any(found[:7])
    assert all(found[12:])
