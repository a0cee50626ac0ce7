"""The least that a job could have cost, had all been known: dynamic programming over the trace."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchmarks.spot.scenario import Scenario

Array = NDArray[np.float64]
LATE = 1e9


def optimum(scenario: Scenario) -> float:
    """Return the cost in $. Work is counted in the largest unit that ticks and launches share."""
    return _Trace(scenario).solve()


class _Trace:
    """Costs to the end by tick, machine (none, spot or on-demand, by zone) and work left.

    A launch is one move, through to its first progress: who knows the future gives none up.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        gap, overhead = round(scenario.gap * 3600), round(scenario.overhead * 3600)
        unit = math.gcd(gap, overhead, round(scenario.work * 3600))
        self.hour = unit / 3600
        self.gap, self.overhead = gap // unit, overhead // unit
        self.work = round(scenario.work * 3600) // unit
        self.ticks, self.launch = scenario.ticks, self.overhead // self.gap + 1
        self.zones = scenario.zones
        self.egress = np.array(
            [[scenario.egress.get((a.name, b.name), 0.0) for b in self.zones] for a in self.zones]
        )

    def solve(self) -> float:
        count = len(self.zones)
        end = np.full(self.work + 1, LATE)
        end[0] = 0.0
        depth = self.launch + 1
        # in rings of ticks: held machines (spot, on-demand) by zone, and none, by place
        spot = np.tile(end, (depth, count, 1))
        demand, idle = spot.copy(), spot.copy()
        fresh = end
        for tick in range(self.ticks - 1, -1, -1):
            now, then = tick % depth, (tick + 1) % depth
            landed = (tick + self.launch) % depth
            launches = np.stack(
                [
                    np.minimum(
                        self._launched(tick, z, demand[landed, z], spot=False),
                        self._launched(tick, z, spot[landed, z], spot=True),
                    )
                    for z in range(count)
                ]
            )
            fresh = np.minimum(fresh, launches.min(axis=0))
            for z in range(count):
                moved = (launches + self.egress[z][:, None]).min(axis=0)
                idle[now, z] = np.minimum(idle[then, z], moved)
            for z, zone in enumerate(self.zones):
                kept = self._run(zone.on_demand, demand[then, z])
                demand[now, z] = np.minimum(idle[now, z], kept)
                spot[now, z] = idle[now, z]
                if zone.up[tick]:
                    ridden = self._run(float(zone.spot[tick]), spot[then, z])
                    spot[now, z] = np.minimum(idle[now, z], ridden)
        return float(fresh[self.work])

    def _launched(self, tick: int, z: int, then: Array, *, spot: bool) -> Array:
        zone, last = self.zones[z], tick + self.launch
        if last > self.ticks or (spot and not zone.up[tick:last].all()):
            return np.full(self.work + 1, LATE)
        prices = zone.spot[tick:last] if spot else np.full(self.launch, zone.on_demand)
        whole = float(prices[:-1].sum()) * self.gap * self.hour
        begun = self.overhead - (self.launch - 1) * self.gap
        return whole + self._run(float(prices[-1]), then, begun)

    def _run(self, price: float, then: Array, launching: int = 0) -> Array:
        """Return the cost of a tick with ``launching`` units of no progress, and of the rest."""
        progress = self.gap - launching
        after = np.empty_like(then)
        after[progress:] = then[: len(then) - progress]
        after[:progress] = 0.0
        after += price * self.gap * self.hour
        if not self.scenario.whole_ticks:
            some = min(progress, len(then))
            after[:some] = price * self.hour * (launching + np.arange(some))
        after[0] = 0.0
        return after
