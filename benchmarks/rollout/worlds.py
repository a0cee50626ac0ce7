"""Simulated traffic of a rollout: what is common to both variants, and what is green's alone.

Four steps of ten minutes at 5, 25, 50 and 95 percent. Common to both variants: a daily cycle six
times as fast as the real one, load noise that remembers, and in three of ten rollouts an incident
of three minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.rollout.people import Visits, visits
from blocks.contracts import LATENCY_RATIO, VariantTick

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Name = TypeVar("Name", int, str)

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = 5  # seconds
STEPS = (5, 25, 50, 95)
STEP_TICKS = 120
TICKS = STEP_TICKS * len(STEPS)
ERRORS, CONVERSIONS = 0.005, 0.05
MEDIAN_MS, SPREAD, SLOW_SHARE, SLOW = 40.0, 0.5, 0.005, 4.0
FIRST_BUCKET, BUCKETS = 10, 190  # 1.6 ms to 17 s
EDGES = (FIRST_BUCKET + np.arange(BUCKETS + 1)) * np.log(LATENCY_RATIO)
SCORES = 20  # prediction buckets that occur
BUCKET_NAMES = range(FIRST_BUCKET, FIRST_BUCKET + BUCKETS)
SCORE_NAMES = [str(5 * score) for score in range(SCORES)]
PER_USER, ERRORS_PER_USER = 5, 4  # requests of a user in a tick; errors of one in trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How traffic behaves, and how green differs."""

    name: str
    changing: bool = True  # daily cycle, load noise, incidents
    misrouted: float = 1.0  # green's share by what was asked for
    sticky: bool = False
    lasting: bool = False  # users come back, and a few of them are always in trouble
    cold: float = 0.0  # seconds in which green is slow at first
    errors: float = 1.0  # green's, by blue's
    slower: float = 1.0
    tail: float = 0.0  # share of green's answers that take five times as long
    onset: float = 0.0  # minutes
    conversions: float = 1.0


SAME = (
    World(name="stationary", changing=False),
    World(name="daily cycle, incidents"),
    World(name="misrouted +20 %", misrouted=1.2),
    World(name="sticky users", sticky=True),
    World(name="cold start of 60 s", cold=60),
    World(name="users in trouble come back", sticky=True, lasting=True),
)
TRIVIAL = World(name="latency +3 %", slower=1.03)
WORSE = (
    World(name="errors x2", errors=2),
    World(name="errors x4", errors=4),
    World(name="errors x10", errors=10),
    World(name="errors x100", errors=100),
    World(name="latency +10 %", slower=1.1),
    World(name="latency +25 %", slower=1.25),
    World(name="2 % tail x5", tail=0.02),
    World(name="5 % tail x5", tail=0.05),
    World(name="errors x4 from minute 22", errors=4, onset=22),
    World(name="conversion halved", conversions=0.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one variant did, tick by tick."""

    requests: Counts  # (ticks,)
    errors: Counts
    users: Counts
    erring_users: Counts
    erring: tuple[tuple[int, ...], ...] = ()  # their numbers, where they come back
    conversions: Counts
    latency: Counts  # (ticks, buckets)
    scores: Counts  # (ticks, scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """One rollout that nobody stops."""

    blue: Side
    green: Side

    @property
    def exposed(self) -> Counts:
        """Green's requests up to the end of each tick."""
        found: Counts = self.green.requests.cumsum()
        return found


def simulate(world: World, *, rate: float, random: np.random.Generator) -> Traffic:
    """Return the traffic of one rollout at so many requests a second."""
    load, errors, slower = _common(world, random)
    share = np.minimum(np.repeat(STEPS, STEP_TICKS) / 100 * world.misrouted, 0.98)
    total = random.poisson(rate * TICK * load)
    if world.lasting:
        risk = ERRORS * errors * PER_USER / ERRORS_PER_USER
        sides = visits(total // PER_USER, share, risk, random)
        blue, green = (_side(world, _asked(each), (errors, slower), random, each) for each in sides)
        return Traffic(blue=blue, green=green)
    if world.sticky:
        to_green = np.minimum(PER_USER * random.binomial(total // PER_USER, share), total)
    else:
        to_green = random.binomial(total, share)
    same = World(name="blue", sticky=world.sticky)
    return Traffic(
        blue=_side(same, total - to_green, (errors, slower), random),
        green=_side(world, to_green, (errors, slower), random),
    )


def ticks(side: Side, variant: str, first: int = 0, last: int = TICKS) -> Sequence[VariantTick]:
    """Return what a monitor would return, from one tick on and up to another."""
    latency = _sparse(side.latency[first:last], BUCKET_NAMES)
    scores = _sparse(side.scores[first:last], SCORE_NAMES)
    return [
        VariantTick(
            variant=variant,
            start=START + timedelta(seconds=TICK * number),
            seconds=float(TICK),
            mirrored=False,
            requests=int(side.requests[number]),
            errors=int(side.errors[number]),
            users=int(side.users[number]),
            erring_users=int(side.erring_users[number]),
            erring=side.erring[number] if side.erring else (),
            latency=slow,
            predictions=scored,
            outcomes={"conversion": int(side.conversions[number])},
        )
        for number, slow, scored in zip(range(first, last), latency, scores, strict=True)
    ]


def _common(world: World, random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return factors of load, errors and latency, tick by tick."""
    one = np.ones(TICKS)
    if not world.changing:
        return one, one, one
    hours = 6 * np.arange(TICKS) * TICK / 3600 + random.uniform(0, 24)
    cycle = np.sin(2 * np.pi * hours / 24)
    noise = np.zeros(TICKS)
    for tick in range(1, TICKS):
        noise[tick] = 0.95 * noise[tick - 1] + random.normal(0, 0.03)
    load = (1 + 0.5 * cycle) * np.exp(noise)
    errors = (1 + 0.5 * cycle) * np.exp(noise)
    slower = (1 + 0.3 * cycle) * np.exp(noise / 2)
    if random.random() < 0.3:
        first = int(random.integers(0, TICKS - 36))
        errors[first : first + 36] *= 8
        slower[first : first + 36] *= 1.8
    return load, errors, slower


def _side(
    world: World,
    requests: Counts,
    common: tuple[Floats, Floats],
    random: np.random.Generator,
    seen: Visits | None = None,
) -> Side:
    errors, slower = common
    minute = np.arange(TICKS) * TICK / 60
    worse = minute >= world.onset
    rate = np.minimum(ERRORS * errors * np.where(worse, world.errors, 1), 0.9)
    users = requests // PER_USER if world.sticky else np.zeros_like(requests)
    if seen is None:
        erring = random.binomial(users, np.minimum(rate * PER_USER / ERRORS_PER_USER, 1))
    else:
        erring = np.array([len(each) for each in seen.erring])
    failed = erring * ERRORS_PER_USER if world.sticky else random.binomial(requests, rate)
    cold = np.clip(1 - minute * 60 / max(world.cold, 1e-9), 0, 1)
    factor = slower * np.where(worse, world.slower, 1) * (1 + 2 * cold)
    scores = np.diff(np.linspace(0, 1, SCORES + 1) ** 0.7)
    conversions = CONVERSIONS * np.where(worse, world.conversions, 1)
    return Side(
        requests=requests,
        errors=np.minimum(failed, requests),
        users=users,
        erring_users=erring,
        erring=seen.erring if seen else (),
        conversions=random.binomial(requests, conversions),
        latency=random.multinomial(
            requests, latency_shape(factor, np.where(worse, world.tail, 0)[:, None])
        ),
        scores=random.multinomial(requests, scores),
    )


def _asked(seen: Visits) -> Counts:
    return PER_USER * seen.users


def latency_shape(factor: Floats, tail: Floats | float) -> Floats:
    """Return the share of answers in each bucket, (ticks, buckets), some five times as slow."""
    usual = _latency(factor)
    return (1 - tail) * usual + tail * _latency(5 * factor) if np.any(tail) else usual


def _latency(factor: Floats) -> Floats:
    """Return the share of answers in each bucket, (ticks, buckets)."""
    normal = (EDGES - np.log(MEDIAN_MS * factor)[:, None]) / SPREAD
    below = (1 - SLOW_SHARE) * ndtr(normal) + SLOW_SHARE * ndtr(normal - np.log(SLOW) / SPREAD)
    below[:, 0], below[:, -1] = 0, 1
    return np.diff(below, axis=1)


def _sparse(counts: Counts, names: Sequence[Name]) -> Iterator[dict[Name, int]]:
    """Return the counts that are not zero by the names of their columns, row by row."""
    rows, columns = counts.nonzero()
    ends = np.searchsorted(rows, np.arange(len(counts) + 1)).tolist()
    told = [names[column] for column in columns.tolist()]
    found = counts[rows, columns].tolist()
    return (
        dict(zip(told[start:end], found[start:end], strict=True)) for start, end in pairwise(ends)
    )
