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

ROLLOUTS, RUNS = 10, 5  # the least of the runs counts: others share the caches of the machine
RULES = VerdictRules(margin=0.0, outcomes={"conversion": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """CPU milliseconds of whole rollouts; garbage collection is left out."""

    least: float  # of several runs of the same rollout, on average over rollouts
    quickest: float  # of all runs of all rollouts
    slowest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What deciding at every tick costs, and reporting in full at every tick, too."""

    decided: Spent
    reported: Spent


def costs(*, rate: float, seed: int) -> Costs:
    """Measure rollouts that nobody stops, with daily cycle and incidents."""
    decided, reported = [], []
    for number in range(ROLLOUTS):
        traffic = simulate(SAME[1], rate=rate, random=np.random.default_rng([seed, number]))
        pairs = list(zip(ticks(traffic.blue, "blue"), ticks(traffic.green, "green"), strict=True))
        decided.append([_measured(pairs, report=False) for _ in range(RUNS)])
        reported.append([_measured(pairs, report=True) for _ in range(RUNS)])
    return Costs(decided=_spent(decided), reported=_spent(reported))


def _spent(runs: list[list[float]]) -> Spent:
    table = 1000 * np.array(runs)
    least, quickest, slowest = table.min(axis=1).mean(), table.min(), table.max()
    return Spent(least=float(least), quickest=float(quickest), slowest=float(slowest))


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
