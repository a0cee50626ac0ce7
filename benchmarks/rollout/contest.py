"""Rollouts of one world, decided by our engine, which looks at every tick, and by peers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.rollout import peers
from benchmarks.rollout.worlds import STEP_TICKS, TICK, TICKS, Traffic, World, simulate, ticks
from tasks.rollout.judge import Judge
from tasks.rollout.looks import LIVE
from tasks.rollout.verdict import Decision, VerdictRules

OURS = "bluewater"


@dataclass(slots=True, kw_only=True)
class Score:
    """What one decider did in the rollouts of one world."""

    rollouts: int = 0
    returned: int = 0
    certified: int = 0
    exposed: list[int] = field(default_factory=list)  # since the onset

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
        tick, certified = _judged(traffic, margin=margin, warmed=warmed)
        ours.add(tick, traffic, world)
        ours.certified += certified
        if not beside:
            continue
        for name, at in peers.returned_at(traffic).items():
            scores.setdefault(name, Score()).add(at, traffic, world)
    return scores


def _judged(traffic: Traffic, *, margin: float, warmed: bool) -> tuple[int | None, bool]:
    """Look after every tick. Return the tick of the return, and whether certified before.

    The verdict that live steps give: what a shadow may spend is left out.
    """
    rules = VerdictRules(margin=margin, outcomes={"conversion": True})
    judge, certified = Judge(rules, warmed=warmed, spent=LIVE), False
    for first in range(0, TICKS, STEP_TICKS):
        ends = first, first + STEP_TICKS
        made = [ticks(traffic.blue, "blue", *ends), ticks(traffic.green, "green", *ends)]
        for tick, (blue, green) in enumerate(zip(*made, strict=True), start=first):
            judge.add(blue, green)
            decision = judge.decision
            certified |= decision is Decision.GO_ON
            if decision is Decision.RETURN:
                return tick, certified
    return None, certified
