"""Folding ticks: whoever folds the same, however they are cut, knows the same, in few bytes."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.contracts import VariantTick
from tasks.rollout.judge import Judge
from tests.unit.rollout.traffic import RULES, START, tick


def test_another_process_that_folds_the_same_ticks_knows_the_same() -> None:
    random = np.random.default_rng(5)
    pairs = [
        (tick(n, 100, random=random, variant="blue"), tick(n, 50, random=random)) for n in range(30)
    ]
    looking, folding = Judge(RULES), Judge(RULES)
    for blue, green in pairs:
        looking.add(blue, green)
        looking.verdict()
    for blue, green in pairs:
        folding.add(blue, green)
    assert looking.verdict() == folding.verdict()


def split(whole: VariantTick) -> list[VariantTick]:
    """Return five ticks of a second that add up to one of five."""

    def part(counts: Mapping[Any, int], second: int) -> dict[Any, int]:
        shares = {key: (count + second) // 5 for key, count in counts.items()}
        return {key: count for key, count in shares.items() if count}

    return [
        replace(
            whole,
            start=whole.start + timedelta(seconds=second),
            seconds=1,
            requests=(whole.requests + second) // 5,
            errors=(whole.errors + second) // 5,
            latency=part(whole.latency, second),
            predictions=part(whole.predictions, second),
        )
        for second in range(5)
    ]


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000), order=st.permutations(range(5)))
def test_neither_the_length_of_ticks_nor_their_order_within_a_moment_matters(
    seed: int, order: list[int]
) -> None:
    random = np.random.default_rng(seed)
    coarse, fine = Judge(RULES), Judge(RULES)
    for number in range(12):
        blue = tick(number, 90, random=random, variant="blue")
        green = tick(number, 60, random=random, errors=0.05, slower=1.1)
        coarse.add(blue, green)
        blues, greens = split(blue), split(green)
        for second in range(5):  # the clock runs on; what is counted when is mixed
            at = blue.start + timedelta(seconds=second)
            fine.add(
                replace(blues[order[second]], start=at),
                replace(greens[order[second]], start=at),
            )
    assert fine.verdict() == coarse.verdict()


def test_memory_does_not_grow_with_time_or_traffic() -> None:
    random = np.random.default_rng(6)
    judge = Judge(RULES)
    blues = [tick(0, 900, random=random, variant="blue") for _ in range(20)]
    greens = [tick(0, 300, random=random) for _ in range(20)]

    def go_on(first: int, last: int) -> int:
        for number in range(first, last):
            at = START + timedelta(seconds=5 * number)
            judge.add(replace(blues[number % 20], start=at), replace(greens[number % 20], start=at))
        return len(pickle.dumps(judge))

    early = go_on(0, 500)
    assert go_on(500, 2500) < 1.5 * early
