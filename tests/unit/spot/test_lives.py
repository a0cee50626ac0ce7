"""What is learnt of how long spot is held: by age where age tells something, else at all ages."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.spot.chains import COARSE, FINE, PLAIN
from tasks.spot.lives import Lives

STEP = 0.1  # hours
AGES = (0.0, 0.5, 1.0, 5.0, 9.0)


def learnt(held: Iterable[float], gone: float = 1.0) -> Lives:
    """Return what is known after spells held for so long, with spot gone in between."""
    lives = Lives()
    for hours in held:
        for up, lasts in ((True, hours), (False, gone)):
            for _ in range(max(1, round(lasts / STEP))):
                lives.see(up, STEP)
    return lives


@pytest.mark.parametrize("life", [2.0, 6.0])
def test_where_age_has_no_effect_one_rate_is_learnt_for_all_ages(life: float) -> None:
    lives = learnt(np.random.default_rng(1).exponential(life, size=40))
    for age in AGES:
        assert lives.rate(True, age) == pytest.approx(1 / life, rel=0.5)


def test_where_the_old_are_safe_a_young_one_is_not_believed_to_be() -> None:
    lives = learnt([0.2, 0.1, 0.3, 0.2, 20.0, 0.1, 0.2, 0.3, 25.0, 0.2, 0.1, 18.0])
    assert lives.rate(True, 0.0) > 1.0
    assert lives.rate(True, 10.0) < 0.1


def test_before_anything_is_seen_the_old_are_held_to_be_safer() -> None:
    rates = [Lives().rate(True, age) for age in AGES]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 2 * rates[-1]


def test_beside_other_zones_each_age_is_learnt_by_itself_and_so_later() -> None:
    lives = learnt([6.0] * 40)
    before, together = Lives().rate(True, 0.0), lives.rate(True, 0.0)
    lives.alone = False
    assert together < lives.rate(True, 0.0) < before


spells = st.lists(st.floats(0.1, 30.0), max_size=20)


@settings(max_examples=40, deadline=None)
@given(held=spells, gone=st.floats(0.1, 10.0), starts=st.sampled_from([PLAIN, COARSE, FINE]))
def test_ages_taken_together_change_as_often_as_one_of_them(
    held: list[float], gone: float, starts: tuple[int, ...]
) -> None:
    lives = learnt(held, gone)
    for up, rates in zip((True, False), lives.pooled(starts), strict=True):
        fine = [lives.rate(up, age) for age in AGES]
        assert len(rates) == len(starts)
        assert all(min(fine) * 0.999 <= rate <= max(fine) * 1.001 for rate in rates)


@settings(max_examples=40, deadline=None)
@given(held=spells, age=st.sampled_from(AGES))
def test_a_loss_makes_more_losses_be_expected_at_its_age(held: list[float], age: float) -> None:
    """So it is with every mean over views that are weighed rightly, however they are weighed."""
    both = [learnt([*held, 0.1]) for _ in range(2)]
    for lives, kept in zip(both, (True, False), strict=True):
        lives.see(True, STEP)
        lives.see(True, age)
        lives.see(kept, STEP)
    safe, lost = (lives.rate(True, age) for lives in both)
    assert lost > safe
