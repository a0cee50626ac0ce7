"""What the statistics of a rollout cost, apart from reading what endpoints did."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from benchmarks.rollout.monitor import SimulatedMonitor
from benchmarks.rollout.worlds import (
    SAME,
    START,
    STEP_TICKS,
    STEPS,
    TICK,
    TICKS,
    Traffic,
    simulate,
    ticks,
)
from blocks.contracts import VariantTick
from tasks.rollout.judge import Judge
from tasks.rollout.looks import Looks
from tasks.rollout.verdict import VerdictRules

ROLLOUTS, RUNS = 10, 20
"""The least of the runs counts, and they lie apart: who else is on the processor, for parts of a
second at a time, makes it half as fast."""

RULES = VerdictRules(margin=0.0, outcomes={"conversion": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """CPU milliseconds of whole rollouts; garbage collection is left out."""

    least: float  # of several runs of the same rollout, on average over rollouts
    quickest: float  # of all runs of all rollouts
    slowest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What deciding at every tick costs; reporting in full, too; looking as the flow does."""

    decided: Spent
    reported: Spent
    looked: Spent


def costs(*, rate: float, seed: int) -> Costs:
    """Measure rollouts that nobody stops, with daily cycle and incidents."""
    draws = [np.random.default_rng([seed, number]) for number in range(ROLLOUTS)]
    rollouts = [simulate(SAME[1], rate=rate, random=random) for random in draws]
    pairs = [
        list(zip(ticks(traffic.blue, "blue"), ticks(traffic.green, "green"), strict=True))
        for traffic in rollouts
    ]
    decided, reported, looked = [], [], []
    for _ in range(RUNS):
        decided.append([_measured(each, report=False) for each in pairs])
        reported.append([_measured(each, report=True) for each in pairs])
        looked.append([_looked(traffic) for traffic in rollouts])
    return Costs(decided=_spent(decided), reported=_spent(reported), looked=_spent(looked))


def _spent(runs: list[list[float]]) -> Spent:
    """Sum up what was measured, (runs, rollouts)."""
    table = 1000 * np.array(runs)
    least, quickest, slowest = table.min(axis=0).mean(), table.min(), table.max()
    return Spent(least=float(least), quickest=float(quickest), slowest=float(slowest))


def _measured(pairs: list[tuple[VariantTick, VariantTick]], *, report: bool) -> float:
    judge = Judge(RULES, warmed=True)
    with _uncollected():
        began = time.process_time()
        for blue, green in pairs:
            judge.add(blue, green)
            _ = judge.verdict() if report else judge.decision
        return time.process_time() - began


def _looked(traffic: Traffic) -> float:
    """Look through the monitor's contract, and keep the points of the picture."""
    monitor = SimulatedMonitor(traffic)
    looks = Looks(
        monitor, "e", RULES, blue="blue", green="green", start=START, mirrored=False, warmed=True
    )
    with _uncollected():
        began = time.process_time()
        for tick in range(TICKS):
            step = tick // STEP_TICKS
            since = START + timedelta(seconds=step * STEP_TICKS * TICK)
            looks.again(START + timedelta(seconds=(tick + 1) * TICK), STEPS[step], since=since)
        return time.process_time() - began - monitor.seconds


@contextmanager
def _uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
