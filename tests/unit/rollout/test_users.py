"""Users who stay on a variant, and in trouble: each of them counts once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from blocks.contracts import VariantTick
from tasks.rollout.judge import Judge
from tasks.rollout.users import LARGEST, Troubled
from tasks.rollout.verdict import Decision, VerdictRules

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = VerdictRules(warm_up=timedelta(0), predictions=False)


def tick(
    number: int, variant: str, *, users: int, erring: tuple[int, ...], named: bool = True
) -> VariantTick:
    return VariantTick(
        variant=variant,
        start=START + timedelta(seconds=5 * number),
        seconds=5,
        requests=2 * users,
        errors=len(erring),
        users=users,
        erring_users=len(erring),
        erring=erring if named else (),
    )


def returned(
    seed: int, *, steps: tuple[float, ...] = (0.1, 0.5), worse: float = 1.0, named: bool = True
) -> bool:
    """Roll out to 400 users, one in ten of whom err every other tick; whose they are is chance.

    Beside them, users err once and are not seen again.
    """
    random = np.random.default_rng(seed)
    draw, troubled = random.random(400), random.random(400) < 0.1
    judge = Judge(RULES)
    fresh: Iterator[int] = iter(range(1000, 10**9))
    for number in range(60 * len(steps)):
        mine = draw < steps[number // 60]
        failing = troubled & (random.random(400) < 0.5)
        pair = []
        for chosen, rate in ((~mine, 1.0), (mine, worse)):
            once = random.binomial(chosen.sum(), min(0.005 * rate, 1))
            erring = (
                *np.flatnonzero(failing & chosen).tolist(),
                *(next(fresh) for _ in range(once)),
            )
            pair.append((int(chosen.sum()), erring))
        judge.add(
            tick(number, "blue", users=pair[0][0], erring=pair[0][1], named=named),
            tick(number, "green", users=pair[1][0], erring=pair[1][1], named=named),
        )
        if judge.decision is Decision.RETURN:
            return True
    return False


def test_users_who_stay_in_trouble_return_no_version_that_is_no_worse() -> None:
    assert sum(returned(seed) for seed in range(40)) <= 4
    assert sum(returned(seed, named=False) for seed in range(40)) > 8  # why they are numbered


def test_a_version_that_gets_more_users_into_trouble_is_returned() -> None:
    assert all(returned(seed, worse=8) for seed in range(5))


def test_a_user_who_moves_to_the_other_variant_is_no_news_there() -> None:
    troubled = Troubled()
    one, other = (tick(0, name, users=9, erring=(4, 7)) for name in ("blue", "green"))
    assert troubled.first([one], []) == (2, 0)
    assert troubled.first([], [other]) == (0, 0)


def test_errors_that_nobody_is_named_for_count_one_by_one() -> None:
    lost = replace(tick(0, "green", users=9, erring=(4,)), erring_users=3)
    troubled = Troubled()
    assert [troubled.first([], [lost]) for _ in range(2)] == [(0, 3), (0, 2)]


def test_few_users_are_remembered_and_both_variants_lose_alike() -> None:
    random, troubled, seen = np.random.default_rng(1), Troubled(), np.zeros(2)
    for number in range(500):
        pair = [
            tick(number, name, users=400, erring=tuple(random.integers(0, 2**32, 200).tolist()))
            for name in ("blue", "green")
        ]
        seen += troubled.first(pair[:1], pair[1:])
    assert len(troubled) <= LARGEST
    assert 0.9 < seen[0] / seen[1] < 1.1
