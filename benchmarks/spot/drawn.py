"""Jobs on markets that are drawn, where a launch takes long beside the life of spot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.spot.scenario import Scenario, Zone

LAUNCHES = {"2 h": (2.0, 6.0), "45 min": (0.75, 2.0)}  # hours of a launch, mean ones of a life
JOBS, GAP, BEFORE = 60, 1 / 6, 120.0
ON_DEMAND, SPOT = 3.06, 0.9731


def drawn(kind: str) -> Iterator[Scenario]:
    """Yield jobs of one kind: lives are exponential, and spot is gone for half as long."""
    launch, life = LAUNCHES[kind]
    for seed in range(JOBS):
        random = np.random.default_rng([seed, round(60 * launch)])
        work = GAP * round(random.uniform(12.0, 48.0) / GAP)
        ticks = round(random.uniform(1.3, 2.5) * work / GAP)
        before = round(BEFORE / GAP)
        up = _market(before + ticks, life, random)
        zone = Zone(
            name="drawn",
            up=up[before:],
            spot=np.full(ticks, SPOT),
            on_demand=ON_DEMAND,
            before=up[:before],
        )
        yield Scenario(
            kind=kind,
            bundle="drawn",
            zones=(zone,),
            gap=GAP,
            work=work,
            overhead=launch,
            egress={},
            reference={},
        )


def _market(ticks: int, life: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return for each tick whether spot is there: from its start to its end."""
    count = 4 * ticks  # spells enough: none is shorter than a tick on average
    spells = random.exponential([life, life / 2], size=(count, 2)).ravel()
    ends = np.cumsum(spells)
    starts = GAP * np.arange(ticks + 1)
    spell = np.searchsorted(ends, starts, side="right")
    held = (spell[:-1] % 2 == 0) & (spell[1:] == spell[:-1])
    return np.asarray(held, dtype=np.bool_)
