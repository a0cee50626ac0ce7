"""Jobs on markets that are drawn: of what recorded ones have little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.spot.scenario import Scenario, Zone

GAP, BEFORE = 1 / 6, 120.0  # hours of a tick, and of what was before a job
ON_DEMAND, SPOT, EGRESS = 3.06, 0.9731, 0.5
Ups = NDArray[np.bool_]  # by tick, whether spot is there from its start to its end
Floats = NDArray[np.float64]
Spells = Callable[[Generator, int], Floats]  # hours held and gone in turn, (count, 2)
DAY = (8.0, 20.0)  # hours of the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A kind of market: ``zones`` draws what was before a job and what is in it, by zone."""

    seed: int
    zones: Callable[[int, int, Generator], Sequence[Ups]]
    launch: float = 0.2  # hours
    jobs: int = 60
    spiking: bool = False  # prices that now and then are over on-demand


def drawn(kind: str) -> Iterator[Scenario]:
    """Yield the jobs of one kind."""
    world = WORLDS[kind]
    for number in range(world.jobs):
        random = np.random.default_rng([number, world.seed])
        work = GAP * round(random.uniform(12.0, 48.0) / GAP)
        ticks = round(random.uniform(1.3, 2.5) * work / GAP)
        before = round(BEFORE / GAP)
        ups = world.zones(before, ticks, random)
        zones = [
            Zone(
                name=f"drawn {index}",
                up=up[before:],
                spot=SPOT * (1 + index / 8) * _prices(ticks, random, spiking=world.spiking),
                on_demand=ON_DEMAND,
                before=up[:before],
            )
            for index, up in enumerate(ups)
        ]
        names = [zone.name for zone in zones]
        yield Scenario(
            kind=kind,
            bundle="drawn",
            zones=tuple(zones),
            gap=GAP,
            work=work,
            overhead=world.launch,
            egress={(a, b): EGRESS for a in names for b in names if a != b},
            reference={},
        )


def _prices(ticks: int, random: Generator, *, spiking: bool) -> Floats:
    """Return prices, 1 where nothing happens; spikes last an hour or two, once in twelve hours."""
    found = np.ones(ticks)
    if spiking:
        for start in np.flatnonzero(random.random(ticks) < GAP / 12):
            end = start + 1 + round(random.exponential(1.5) / GAP)
            found[start:end] = random.uniform(0.8, 2.0) * ON_DEMAND / SPOT
    return found


def _one(spells: Spells, before: int, ticks: int, random: Generator) -> Sequence[Ups]:
    """Return one zone that is the same before and in the job."""
    return [_ups(spells, before + ticks, random)]


def _worse(before: int, ticks: int, random: Generator) -> Sequence[Ups]:
    """Return one zone that was calm until the job began."""
    calm, rough = _memoryless(8.0, 0.5), _memoryless(0.5, 1.0)
    return [np.concatenate([_ups(calm, before, random), _ups(rough, ticks, random)])]


def _by_day(before: int, ticks: int, random: Generator) -> Sequence[Ups]:
    """Return one zone in which spot is hardly to be had by day."""
    hours = (random.uniform(0.0, 24.0) + GAP * np.arange(before + ticks)) % 24.0
    day = (hours >= DAY[0]) & (hours < DAY[1])
    losses, returns = np.where(day, 1.5, 0.05), np.where(day, 0.3, 1.5)  # an hour
    found, up = np.zeros(before + ticks, dtype=np.bool_), True
    for tick, luck in enumerate(random.random(before + ticks)):
        if luck < -np.expm1(-GAP * (losses if up else returns)[tick]):
            up = not up
        found[tick] = up
    return [found]


def _together(before: int, ticks: int, random: Generator) -> Sequence[Ups]:
    """Return three zones that go by themselves, and at times all at once."""
    whole = before + ticks
    common = _ups(_memoryless(6.0, 2.0), whole, random)
    return [common & _ups(_memoryless(3.0, 1.0), whole, random) for _ in range(3)]


def _ups(spells: Spells, ticks: int, random: Generator) -> Ups:
    """Return for each tick whether spot is there: from its start to its end."""
    ends = np.cumsum(spells(random, 4 * ticks).ravel())  # enough: few are shorter than a tick
    starts = GAP * np.arange(ticks + 1)
    spell = np.searchsorted(ends, starts, side="right")
    held = (spell[:-1] % 2 == 0) & (spell[1:] == spell[:-1])
    return np.asarray(held, dtype=np.bool_)


def _memoryless(life: float, gone: float) -> Spells:
    """Return spells that end at any age alike."""
    return lambda random, count: random.exponential([life, gone], size=(count, 2))


def _pareto(random: Generator, count: int) -> Floats:
    """Return spells that are the safer the older they are."""
    return np.column_stack(
        [0.3 * (1 + random.pareto(1.1, count)), 0.2 * (1 + random.pareto(1.3, count))]
    )


def _bathtub(random: Generator, count: int) -> Floats:
    """Return spells that end in their first hour, or as they come to 24."""
    young, old = random.exponential(0.5, count), 24.0 - random.exponential(0.5, count)
    held = np.where(random.random(count) < 0.4, young, old)
    return np.column_stack([held, random.exponential(0.5, count)])


WORLDS = {
    "launches of 2 h, lives of 6": World(
        seed=120, launch=2.0, zones=partial(_one, _memoryless(6.0, 3.0))
    ),
    "launches of 45 min, lives of 2 h": World(
        seed=45, launch=0.75, zones=partial(_one, _memoryless(2.0, 1.0))
    ),
    "lives of 40 min": World(seed=1, zones=partial(_one, _memoryless(2 / 3, 2 / 3))),
    "Pareto lives": World(seed=2, zones=partial(_one, _pareto)),
    "bathtub lives": World(seed=3, zones=partial(_one, _bathtub)),
    "hardly there by day": World(seed=4, zones=_by_day),
    "worse than before the job": World(seed=5, zones=_worse),
    "prices over on-demand": World(
        seed=6, zones=partial(_one, _memoryless(6.0, 0.5)), spiking=True
    ),
    "three zones, lost together": World(seed=7, zones=_together, jobs=24),
}
"""By name. Those with long launches are hard for a policy that learns rates by age."""
LONG_LAUNCHES = tuple(WORLDS)[:2]
