"""What the statistics of a rollout cost, apart from reading what endpoints did."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from benchmarks.rollout.worlds import SAME, simulate, ticks
from blocks.contracts import VariantTick
from tasks.rollout.judge import Judge
from tasks.rollout.verdict import VerdictRules

ROLLOUTS = 20
RULES = VerdictRules(margin=0.0, outcomes={"conversion": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU milliseconds of a whole rollout, on average; garbage collection is left out."""

    decided: float  # at every tick
    reported: float  # in full at every tick, too


def costs(*, rate: float, seed: int) -> Costs:
    """Measure rollouts that nobody stops, with daily cycle and incidents."""
    decided, reported = [], []
    for number in range(ROLLOUTS):
        traffic = simulate(SAME[1], rate=rate, random=np.random.default_rng([seed, number]))
        pairs = list(zip(ticks(traffic.blue, "blue"), ticks(traffic.green, "green"), strict=True))
        decided.append(_measured(pairs, report=False))
        reported.append(_measured(pairs, report=True))
    return Costs(decided=1000 * float(np.mean(decided)), reported=1000 * float(np.mean(reported)))


def _measured(pairs: list[tuple[VariantTick, VariantTick]], *, report: bool) -> float:
    judge = Judge(RULES, warmed=True)
    with _uncollected():
        began = time.process_time()
        for blue, green in pairs:
            judge.add(blue, green)
            _ = judge.verdict() if report else judge.decision
        return time.process_time() - began


@contextmanager
def _uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
