"""Rollouts of one world, decided by our engine, as the flow drives it, and by peers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import numpy as np

from benchmarks.rollout import peers
from benchmarks.rollout.worlds import (
    START,
    STEP_TICKS,
    STEPS,
    TICK,
    TICKS,
    Traffic,
    World,
    simulate,
    ticks,
)
from blocks.contracts import (
    Monitor,
    MonitorFeatures,
    ObjectInfo,
    ProviderError,
    Sample,
    Unsupported,
    VariantTick,
    Window,
)
from tasks.rollout.looks import Looks
from tasks.rollout.verdict import Decision, VerdictRules

OURS = "bluewater"


class SimulatedMonitor(Monitor):
    """Returns ticks that were simulated before."""

    provider: ClassVar[str] = "simulated"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=TICK, captures=False, mirrored=False
    )

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._step = -1
        self._kept: list[list[VariantTick]] = []  # of one step, blue's and green's
        self.seconds = 0.0  # of CPU, that making ticks took

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        first, last = (
            int((at - START).total_seconds()) // TICK for at in (window.start, window.end)
        )
        if first // STEP_TICKS != self._step:
            self._make(first // STEP_TICKS)
        places = slice(first % STEP_TICKS, first % STEP_TICKS + last - first)
        return [tick for kept in self._kept for tick in kept[places]]

    def _make(self, step: int) -> None:
        began, self._step = time.process_time(), step
        ends = step * STEP_TICKS, (step + 1) * STEP_TICKS
        sides = (self._traffic.blue, "blue"), (self._traffic.green, "green")
        self._kept = [list(ticks(side, name, *ends)) for side, name in sides]
        self.seconds += time.process_time() - began

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        return []

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        raise Unsupported("nothing is kept here")

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        return []


@dataclass(slots=True, kw_only=True)
class Score:
    """What one decider did in the rollouts of one world."""

    rollouts: int = 0
    returned: int = 0
    certified: int = 0
    exposed: list[int] = field(default_factory=list)  # since the onset
    cpu: list[float] = field(default_factory=list)  # seconds of rollouts that went all the way

    def add(self, tick: int | None, traffic: Traffic, world: World) -> None:
        """Count a rollout that was returned at the end of a tick, or never."""
        onset = int(world.onset * 60 / TICK)
        before = int(traffic.exposed[onset - 1]) if onset else 0
        early = tick is not None and tick < onset
        self.rollouts += 1
        self.returned += tick is not None and not early
        last = TICKS - 1 if tick is None or early else tick
        self.exposed.append(int(traffic.exposed[last]) - before)


def contest(
    world: World,
    *,
    rate: float,
    repetitions: int,
    margin: float,
    warmed: bool,
    seed: int,
    beside: bool = True,
) -> dict[str, Score]:
    """Return the scores of ours in one world, and of peers beside it."""
    scores: dict[str, Score] = {}
    for number in range(repetitions):
        traffic = simulate(world, rate=rate, random=np.random.default_rng([seed, number]))
        ours = scores.setdefault(OURS, Score())
        tick, certified, cpu = _judged(traffic, margin=margin, warmed=warmed)
        ours.add(tick, traffic, world)
        ours.certified += certified
        if tick is None:
            ours.cpu.append(cpu)
        if not beside:
            continue
        for name, at in peers.returned_at(traffic).items():
            scores.setdefault(name, Score()).add(at, traffic, world)
    return scores


def _judged(traffic: Traffic, *, margin: float, warmed: bool) -> tuple[int | None, bool, float]:
    """Look after every tick. Return the tick of the return, whether certified before, CPU s."""
    monitor = SimulatedMonitor(traffic)
    rules = VerdictRules(margin=margin, outcomes={"conversion": True})
    looks = Looks(
        monitor, "e", rules, blue="blue", green="green", start=START, mirrored=False, warmed=warmed
    )
    certified, began = False, time.process_time()
    for tick in range(TICKS):
        step = tick // STEP_TICKS
        since = START + timedelta(seconds=step * STEP_TICKS * TICK)
        now = START + timedelta(seconds=(tick + 1) * TICK)
        decision = looks.again(now, STEPS[step], since=since)
        certified |= decision is Decision.GO_ON
        if decision is Decision.RETURN:
            return tick, certified, time.process_time() - began - monitor.seconds
    return None, certified, time.process_time() - began - monitor.seconds
