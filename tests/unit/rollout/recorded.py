"""Rollouts that anybody can draw again, and what was said of them when they were written down.

Draws come from numpy's frozen stream (RandomState), so that a new numpy changes none of them;
nothing is drawn of nothing or with a chance of zero, for which numpy 2.5 uses up no number.
``python -m tests.unit.rollout.recorded`` writes the verdicts anew: for rules that were changed on
purpose, never for code that is only quicker.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from blocks.contracts import LATENCY_RATIO, VariantTick
from tasks.rollout.judge import Judge
from tasks.rollout.verdict import VerdictRules

FILE = Path(__file__).parent / "verdicts.json"
START = datetime(2026, 1, 1, tzinfo=UTC)
STEPS, TICKS, EVERY = (0.05, 0.25, 0.5, 0.95), 30, 4  # ticks of a step, and between two records
FIRST, BUCKETS = 10, 190

Pair = tuple[VariantTick | None, VariantTick | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How much traffic, how it is counted, and how green differs."""

    rate: float = 50.0
    seconds: int = 5  # of a tick
    errors: float = 1.0
    slower: float = 1.0
    tail: float = 0.0
    conversions: float = 1.0
    other: float = 0.0  # share of green's predictions that blue never makes
    users: bool = False  # who stay, and are known by number
    gaps: bool = False  # ticks that one variant lacks
    warmed: bool = True
    margin: float = 0.0


WORLDS: Mapping[str, World] = {
    "no worse": World(),
    "no worse, 5 a second": World(rate=5),
    "no worse, 500 a second": World(rate=500),
    "errors x4": World(errors=4),
    "10 % slower, 5 a second": World(rate=5, slower=1.1),
    "tail, ticks of a second": World(seconds=1, tail=0.01),
    "users in trouble": World(users=True, errors=1.5),
    "other predictions": World(other=0.01, margin=0.05),
    "fewer conversions": World(conversions=0.7, margin=0.05),
    "cold, with gaps": World(warmed=False, gaps=True, slower=1.02),
}


def record(world: World) -> dict[str, Any]:
    """Return the evidence and proof at every few ticks, and what is found of each metric."""
    rules = VerdictRules(margin=world.margin, outcomes={"sale": True, "complaint": False})
    judge, looks = Judge(rules, warmed=world.warmed), []
    for number, (blue, green) in enumerate(pairs(world)):
        judge.add(blue, green)
        decision = judge.decision
        if number % (EVERY * 5 // world.seconds) == 0:
            verdict = judge.verdict()
            looks.append([decision.value, verdict.evidence, verdict.certified])
    last = judge.verdict()
    findings = [[f.metric, f.ratio, f.low, f.high, f.evidence] for f in last.findings]
    counts = [last.blue_requests, last.green_requests]
    return {"looks": looks, "findings": findings, "requests": counts}


def pairs(world: World) -> Iterator[Pair]:
    """Draw what both variants did, tick by tick: an incident hits both, load goes up and down."""
    random = np.random.RandomState(1)
    count = TICKS * 5 // world.seconds
    for number in range(count * len(STEPS)):
        minute = number * world.seconds / 60
        load = 1 + 0.5 * math.sin(minute / 2)
        total = random.poisson(world.rate * world.seconds * load)
        to_green = _events(random, total, STEPS[number // count])
        trouble = 8.0 if 4 <= minute < 5 else 1.0
        blue = _tick(random, World(), world, number, total - to_green, trouble=trouble)
        green = _tick(random, world, world, number, to_green, trouble=trouble)
        if world.gaps and number % 13 == 5:
            yield (blue, None) if number % 2 else (None, green)
        else:
            yield blue, green


def _tick(
    random: np.random.RandomState,
    own: World,
    world: World,
    number: int,
    requests: int,
    *,
    trouble: float,
) -> VariantTick:
    slower = own.slower * (1 + 0.1 * trouble)
    latency = _by_kind(random, requests, _shape(slower, own.tail))
    # the last kind is one that blue never predicts
    kinds = [(1 - own.other) / 20] * 20 + [own.other] * bool(own.other)
    scores = _by_kind(random, requests, kinds)
    erring = np.flatnonzero(random.random_sample(200) < 0.01 * own.errors * requests / 250)
    failed = _events(random, requests, min(0.005 * own.errors * trouble, 0.9))
    return VariantTick(
        variant="blue" if own is not world else "green",
        start=START + timedelta(seconds=number * world.seconds),
        seconds=world.seconds,
        requests=requests,
        errors=min(4 * len(erring), requests) if world.users else failed,
        users=requests // 5 if world.users else 0,
        erring_users=len(erring) if world.users else 0,
        erring=tuple(erring.tolist()) if world.users else (),
        latency={FIRST + kind: count for kind, count in enumerate(latency) if count},
        predictions={str(5 * kind): count for kind, count in enumerate(scores) if count},
        outcomes={
            "sale": _events(random, requests, 0.05 * own.conversions),
            "complaint": _events(random, requests, 0.01),
        },
    )


def _events(random: np.random.RandomState, requests: int, chance: float) -> int:
    return int(random.binomial(requests, chance)) if requests else 0


def _by_kind(random: np.random.RandomState, requests: int, shares: list[float]) -> Sequence[int]:
    """Return how many are of each kind, drawn of those that are left."""
    found, left, rest = [], requests, 1.0
    for share in shares[:-1]:
        chance = share / rest if share < rest else 1.0
        found.append(_events(random, left, chance) if share > 0 else 0)
        left, rest = left - found[-1], rest - share
    return [*found, left]


def _shape(slower: float, tail: float) -> list[float]:
    """Return the share of answers in each bucket: lognormal around 40 ms, some five times that."""
    below = [0.0]
    for bucket in range(1, BUCKETS):
        at = (FIRST + bucket) * math.log(LATENCY_RATIO) - math.log(40 * slower)
        usual, slow = ((1 + math.erf(x / 0.5 / math.sqrt(2))) / 2 for x in (at, at - math.log(5)))
        below.append((1 - tail) * usual + tail * slow)
    shares: list[float] = np.diff([*below, 1.0]).tolist()
    return shares


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: record(world) for name, world in WORLDS.items()}, indent=0))
