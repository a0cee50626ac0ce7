"""The expected cost to the end, by a plan that knows the rates of change of all its zones.

Dynamic programming over time left, slack or work (``axes``), the market (all zones, up or down, by
age), and where the job is (idle, on-demand or spot, by zone, and how far in its launch). Waiting
costs slack, on-demand costs money, a launch costs both, and begins anew where spot is lost in it; a
move costs the egress of the checkpoint. Slack is time left less work left. Zones change
independently of each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tasks.spot.axes import AMPLE, PHASES, Axis, slack_axis, work_axis
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
        phases = (
            PHASES if len(figures.chains) == 1 else 0
        )  # of several, as many as CPU allows: none
        self._axis = (
            work_axis(hours=hours, work=now.work_left, overhead=overhead, step=step, phases=phases)
            if self.ample
            else slack_axis(
                hours=hours, slack=now.slack, overhead=overhead, step=step, phases=phases
            )
        )
        self.table = _Solver(figures, self._axis).table()

    def serves(self, figures: Figures, now: Situation) -> bool:
        """Whether it will do for other figures, in another situation."""
        return self.ample == ample(now) and self.figures.near(figures)

    def value(
        self,
        machine: Machine | None,
        kept_in: str,
        chances: Array,
        time_left: float,
        slack: float,
        *,
        launching: float = 0.0,
    ) -> float:
        """Return the expected cost from then on; linear between what was solved.

        ``chances`` are those of each state of the market; they need not add up to 1. ``launching``
        are the hours until the machine makes progress.
        """
        if time_left - slack <= 1e-9:
            return 0.0
        row, phases = self._row(machine, kept_in), self._axis.phases
        if machine is None or not machine.spot or not phases:
            return self._read(row, chances, time_left, slack - launching)
        at = min(launching / self._axis.step, float(phases))
        low, zones = min(int(at), phases - 1), len(self.figures.chains)
        rows = (row + zones * low, row + zones * (low + 1))
        less, more = (self._read(each, chances, time_left, slack) for each in rows)
        return less + (at - low) * (more - less)

    def _read(self, row: int, chances: Array, time_left: float, slack: float) -> float:
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


class _Solver:
    """Fills the table [steps left, row, market, point of the axis] from the deadline back.

    Rows: idle by origin, on-demand by place, spot by zone, then by zone with one step of a launch
    left, with two and so on.
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
        self.spot = len(figures.origins) + len(figures.places)  # the first row of spot

    def table(self) -> Array:
        figures, axis, zones = self.figures, self.axis, len(self.rides)
        launching = np.repeat(axis.step * np.arange(axis.phases + 1), zones)
        idle = np.full(len(figures.origins), figures.overhead)
        left = np.concatenate([idle, np.zeros(len(figures.places)), launching])
        table = np.zeros((axis.steps, len(left), len(self.market), len(axis.points)))
        work = axis.work(0)
        table[0] = self.short * np.where(work > 0.0, work + left[:, None, None], 0.0)
        for k in range(1, axis.steps):
            self._step(table[k - 1], table[k], k)
            table[k][:, :, axis.work(k) <= 0.0] = 0.0
        return table

    def _step(self, after: Array, now: Array, k: int) -> None:
        idle, axis, work = len(self.figures.origins), self.axis, self.axis.work(k)
        full = np.array(self.figures.on_demand)[:, None, None]
        start = np.minimum(axis.step, work + self.figures.overhead)
        later = self.market @ after[: self.spot]
        demanded = axis.ran(later[idle:])
        launched = axis.launched(demanded) + (full * start + self._late(k, 0.0))
        best = np.min(self.moves + launched, axis=1)
        for zone, (up, _) in enumerate(self.rides):
            taken = self._ride(zone, after, now, k) + self.moves[:, zone]
            best[:, up] = np.minimum(best[:, up], taken)
        now[:idle] = np.minimum(axis.waited(later[:idle]) + self._late(k, axis.step), best)
        free, run = now[:idle], np.minimum(axis.step, work)
        kept = demanded + full * run
        now[idle : self.spot] = np.minimum(kept, free[: len(kept)])
        spot = now[self.spot :].reshape(axis.phases + 1, len(self.rides), *free.shape[1:])
        np.minimum(spot, free[: len(self.rides)], out=spot)

    def _ride(self, zone: int, after: Array, now: Array, k: int) -> Array:
        """Fill in a spot machine at work and in its launch; return what it costs to launch it."""
        axis, (up, follows), price = self.axis, self.rides[zone], self.figures.spot[zone]
        work, rows = axis.work(k), range(self.spot + zone, now.shape[0], len(self.rides))
        # a loss comes on average in the middle of a step
        ends = (axis.ran(after[rows[0]]), axis.half_ran(after[zone]))
        ridden = follows @ np.vstack(ends)
        now[rows[0], up] = ridden + price * np.minimum(axis.step, work)
        if not axis.phases:
            start = np.minimum(axis.step, work + self.figures.overhead)
            taken: Array = axis.launched(ridden) + (price * start + 2 * self._late(k, 0.0))
            return taken
        lost, paid = axis.waited(after[zone]), price * axis.step + self._late(k, axis.step)
        for less, more in pairwise(rows):
            launching = follows @ np.vstack((axis.waited(after[less]), lost))
            now[more, up] = launching + paid
        launched: Array = now[rows[-1], up]
        return launched

    def _late(self, k: int, by: float) -> Array:
        """Return what an hour too late costs, for all that are missing after ``by`` more hours."""
        late: Array = self.short * np.maximum(by + self.figures.reserve - self.axis.slack(k), 0.0)
        return late
