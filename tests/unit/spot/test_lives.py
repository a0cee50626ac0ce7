"""What is learnt of how long spot is held: by age where age tells something, else at all ages."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from tasks.spot.lives import Lives

STEP = 0.1  # hours


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
    spells = np.random.default_rng(1).exponential(life, size=40)
    lives = learnt(spells)
    for age in (0.0, 0.5, 1.0, 5.0, 9.0):
        assert lives.rate(True, age) == pytest.approx(1 / life, rel=0.5)


def test_where_the_old_are_safe_a_young_one_is_not_believed_to_be() -> None:
    spells = [0.2, 0.1, 0.3, 0.2, 20.0, 0.1, 0.2, 0.3, 25.0, 0.2, 0.1, 18.0]
    lives = learnt(spells)
    assert lives.rate(True, 0.0) > 1.0
    assert lives.rate(True, 10.0) < 0.1


def test_nothing_seen_leaves_both_in_the_balance() -> None:
    lives = Lives()
    rates = [lives.rate(True, age) for age in (0.0, 0.5, 1.0, 5.0, 9.0)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 2 * rates[-1]
