"""The expected cost to the end, by a plan that knows the rates of change of all its zones.

Dynamic programming over time left, slack or work (``axes``), the market (all zones, up or down, by
age), and where the job is (idle, on-demand or spot, by zone). Waiting costs slack, on-demand costs
money, a launch costs both, a move the egress of the checkpoint. Slack is time left less work left.
Zones change independently of each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from tasks.spot.axes import AMPLE, Axis, slack_axis, work_axis
from tasks.spot.chains import Array, Chain, product
from tasks.spot.situation import Machine, Situation

TINY = 1e-12  # stands for a price of nothing
SHORT = 12.0  # times the on-demand price: an hour that is missing at the deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an outlook is solved for. Hours, prices per hour, money."""

    chains: tuple[Chain, ...]  # of the zones that are counted on
    spot: tuple[float, ...]  # prices there
    places: tuple[str, ...]  # those zones first, then others with on-demand
    on_demand: tuple[float, ...]  # by place
    origins: tuple[str, ...]  # where the checkpoint may be: the places, and perhaps nowhere yet
    moves: Mapping[tuple[str, str], float]  # price of a move by origin and place
    overhead: float
    reserve: float  # slack below which it is too late to wait

    def near(self, other: Figures) -> bool:
        """Whether an outlook for this will do for the other."""
        known = dict(zip(self.places, self.on_demand, strict=True))
        full = [known.get(place, math.inf) for place in other.places]
        prices = zip((*self.spot, *full), (*other.spot, *other.on_demand), strict=False)
        count = len(self.chains)
        return (
            self.places[:count] == other.places[: len(other.chains)]
            and set(other.origins) <= set(self.origins)
            and self.reserve == other.reserve
            and other.moves.items() <= self.moves.items()
            and all(abs(math.log(max(a, TINY) / max(b, TINY))) < 0.03 for a, b in prices)
            and all(a.near(b) for a, b in zip(self.chains, other.chains, strict=True))
        )


class Outlook:
    """Expected costs from a situation to the end: for all less time, slack and work."""

    def __init__(self, figures: Figures, now: Situation, *, step: float) -> None:
        self.figures = figures
        self.ample = ample(now)
        hours, overhead = now.time_left, figures.overhead
        self._axis = (
            work_axis(hours=hours, work=now.work_left, overhead=overhead, step=step)
            if self.ample
            else slack_axis(hours=hours, slack=now.slack, overhead=overhead, step=step)
        )
        with _libraries().limit(limits=1, user_api="blas"):
            self.table = _Solver(figures, self._axis).table()

    def serves(self, figures: Figures, now: Situation) -> bool:
        """Whether it will do for other figures, in another situation."""
        return self.ample == ample(now) and self.figures.near(figures)

    def value(
        self, machine: Machine | None, kept_in: str, chances: Array, time_left: float, slack: float
    ) -> float:
        """Return the expected cost from then on; linear between what was solved.

        ``chances`` are those of each state of the market; they need not add up to 1.
        """
        if time_left - slack <= 1e-9:
            return 0.0
        row = self._row(machine, kept_in)
        at = min(max(time_left, 0.0) / self._axis.step, len(self.table) - 1.0)
        k, points = min(int(at), len(self.table) - 2), self._axis.points
        x = self._axis.at(time_left, slack)
        j = min(int(np.searchsorted(points, x, side="right")) - 1, len(points) - 2)
        a, b = at - k, (x - points[j]) / (points[j + 1] - points[j])
        early, late = (chances @ self.table[k + i, row, :, j : j + 2] for i in (0, 1))
        both = (1 - a) * early + a * late
        return float((1 - b) * both[0] + b * both[1])

    def _row(self, machine: Machine | None, kept_in: str) -> int:
        origins, places = self.figures.origins, self.figures.places
        if machine is None:
            return origins.index(kept_in)
        at = len(origins) + places.index(machine.zone)
        return at + len(places) if machine.spot else at


def ample(now: Situation) -> bool:
    """Whether there is far more time than work."""
    return now.slack > AMPLE * now.work_left


@cache
def _libraries() -> ThreadpoolController:
    """Return the numerical libraries: matrices are small here, so their threads mostly wait.

    On 2 processors, two threads took twice the CPU of one.
    """
    return ThreadpoolController()


class _Solver:
    """Fills the table [steps left, row, market, point of the axis] from the deadline back.

    Rows: idle by origin, on-demand by place, spot by zone.
    """

    def __init__(self, figures: Figures, axis: Axis) -> None:
        self.figures, self.axis = figures, axis
        pairs = [chain.transitions(axis.step) for chain in figures.chains]
        self.market = product([both for both, _ in pairs])
        self.rides = []  # by zone: the states in which it is up, and what follows from them
        for index, chain in enumerate(figures.chains):
            states = [np.ones(other.states) for other in figures.chains]
            states[index] = np.repeat([1.0, 0.0], chain.states // 2)
            up = product(states) > 0
            held = product([pair[i == index] for i, pair in enumerate(pairs)])[up]
            self.rides.append((up, np.hstack([held, self.market[up] - held])))
        moves = [[figures.moves[a, b] for b in figures.places] for a in figures.origins]
        self.moves = np.array(moves)[:, :, None, None]
        self.short = SHORT * min(figures.on_demand)

    def table(self) -> Array:
        figures, axis = self.figures, self.axis
        rows = len(figures.origins) + len(figures.places) + len(figures.chains)
        table = np.zeros((axis.steps, rows, len(self.market), len(axis.points)))
        work, idle = axis.work(0), len(figures.origins)
        table[0, :idle] = self.short * np.where(work > 0.0, work + figures.overhead, 0.0)
        table[0, idle:] = self.short * work
        for k in range(1, axis.steps):
            self._step(table[k - 1], table[k], k)
            table[k][:, :, axis.work(k) <= 0.0] = 0.0
        return table

    def _step(self, after: Array, now: Array, k: int) -> None:
        idle, places = len(self.figures.origins), len(self.figures.places)
        axis, work = self.axis, self.axis.work(k)
        full = np.array(self.figures.on_demand)[:, None, None]
        run = np.minimum(axis.step, work)
        start = np.minimum(axis.step, work + self.figures.overhead)
        late, late_after = self._late(k, 0.0), self._late(k, axis.step)
        later = self.market @ after[: idle + places]
        demanded = axis.ran(later[idle:])
        launched = axis.launched(demanded) + (full * start + late)
        best = np.min(self.moves + launched, axis=1)
        for zone, (price, (up, follows)) in enumerate(
            zip(self.figures.spot, self.rides, strict=True)
        ):
            # a loss comes on average in the middle of a step
            ends = (axis.ran(after[idle + places + zone]), axis.half_ran(after[zone]))
            ridden = follows @ np.vstack(ends)
            taken = axis.launched(ridden) + (price * start + 2 * late)
            best[:, up] = np.minimum(best[:, up], taken + self.moves[:, zone])
            now[idle + places + zone, up] = ridden + price * run
        now[:idle] = np.minimum(axis.waited(later[:idle]) + late_after, best)
        free = now[:idle]
        now[idle : idle + places] = np.minimum(demanded + full * run, free[:places])
        spot = now[idle + places :]
        np.minimum(spot, free[: len(spot)], out=spot)

    def _late(self, k: int, by: float) -> Array:
        """Return what an hour too late costs, for all that are missing after ``by`` more hours."""
        late: Array = self.short * np.maximum(by + self.figures.reserve - self.axis.slack(k), 0.0)
        return late
