"""The expected cost to the end, by a plan that knows the rates of change of all its zones.

Dynamic programming over time left, slack, the market (all zones, up or down, by age), and where
the job is (idle, on-demand or spot, by zone). Waiting costs slack, on-demand costs money, a launch
costs both, a move the egress of the checkpoint. Slack is time left less work left: a machine that
works keeps it, so time and slack together say the work. Zones change independently of each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tasks.spot.chains import Array, Chain, product
from tasks.spot.situation import Machine

STEPS, POINTS = 96, 28
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
    """Expected costs for all times up to ``hours`` and slacks up to ``slack``."""

    def __init__(self, figures: Figures, *, hours: float, slack: float, step: float) -> None:
        self.figures = figures
        self.step = max(step, hours / STEPS)
        self.grid = _grid(slack, figures.overhead)
        self.table = _Solver(figures, self.grid, self.step).table(math.ceil(hours / self.step) + 1)

    def value(
        self, machine: Machine | None, kept_in: str, chances: Array, time_left: float, slack: float
    ) -> float:
        """Return the expected cost from then on; linear between what was solved.

        ``chances`` are those of each state of the market; they need not add up to 1.
        """
        if time_left - slack <= 1e-9:
            return 0.0
        row = self._row(machine, kept_in)
        at = min(max(time_left, 0.0) / self.step, len(self.table) - 1.0)
        k, grid = min(int(at), len(self.table) - 2), self.grid
        x = min(max(slack, 0.0), float(grid[-1]))
        j = min(int(np.searchsorted(grid, x, side="right")) - 1, len(grid) - 2)
        a, b = at - k, (x - grid[j]) / (grid[j + 1] - grid[j])
        early, late = (chances @ self.table[k + i, row, :, j : j + 2] for i in (0, 1))
        both = (1 - a) * early + a * late
        return float((1 - b) * both[0] + b * both[1])

    def _row(self, machine: Machine | None, kept_in: str) -> int:
        origins, places = self.figures.origins, self.figures.places
        if machine is None:
            return origins.index(kept_in)
        at = len(origins) + places.index(machine.zone)
        return at + len(places) if machine.spot else at


class _Solver:
    """Fills the table [steps left, row, market, slack] from the deadline back.

    Rows: idle by origin, on-demand by place, spot by zone.
    """

    def __init__(self, figures: Figures, grid: Array, h: float) -> None:
        self.figures, self.grid, self.h = figures, grid, h
        pairs = [chain.transitions(h) for chain in figures.chains]
        self.market = product([both for both, _ in pairs])
        self.rides = []  # by zone: the states in which it is up, and what follows from them
        for index, chain in enumerate(figures.chains):
            states = [np.ones(other.states) for other in figures.chains]
            states[index] = np.repeat([1.0, 0.0], chain.states // 2)
            up = product(states) > 0
            held = product([pair[i == index] for i, pair in enumerate(pairs)])[up]
            self.rides.append((up, np.hstack([held, self.market[up] - held])))
        self.wait, self.half, self.launch = (
            _shift(grid, by) for by in (h, h / 2, figures.overhead)
        )
        moves = [[figures.moves[a, b] for b in figures.places] for a in figures.origins]
        self.moves = np.array(moves)[:, :, None, None]
        short = SHORT * min(figures.on_demand)
        self.late = short * np.maximum(figures.reserve - grid, 0.0)
        self.late_after = short * np.maximum(h + figures.reserve - grid, 0.0)

    def table(self, count: int) -> Array:
        figures = self.figures
        rows = len(figures.origins) + len(figures.places) + len(figures.chains)
        table = np.zeros((count, rows, len(self.market), len(self.grid)))
        for k in range(1, count):
            work = np.maximum(k * self.h - self.grid, 0.0)
            self._step(table[k - 1], table[k], work)
            table[k][:, :, work <= 0.0] = 0.0
        return table

    def _step(self, after: Array, now: Array, work: Array) -> None:
        idle, places = len(self.figures.origins), len(self.figures.places)
        full = np.array(self.figures.on_demand)[:, None, None]
        run, start = np.minimum(self.h, work), np.minimum(self.h, work + self.figures.overhead)
        later = self.market @ after[: idle + places]
        demanded = later[idle:]
        launched = demanded @ self.launch + (full * start + self.late)
        best = np.min(self.moves + launched, axis=1)
        for zone, (price, (up, follows)) in enumerate(
            zip(self.figures.spot, self.rides, strict=True)
        ):
            # a loss comes on average in the middle of a step
            ends = np.vstack([after[idle + places + zone], after[zone] @ self.half])
            ridden = follows @ ends
            taken = ridden @ self.launch + (price * start + 2 * self.late)
            best[:, up] = np.minimum(best[:, up], taken + self.moves[:, zone])
            now[idle + places + zone, up] = ridden + price * run
        now[:idle] = np.minimum(later[:idle] @ self.wait + self.late_after, best)
        free = now[:idle]
        now[idle : idle + places] = np.minimum(demanded + full * run, free[:places])
        spot = now[idle + places :]
        np.minimum(spot, free[: len(spot)], out=spot)


def _grid(slack: float, overhead: float) -> Array:
    """Return slacks from 0 up, dense where launches decide."""
    first = max(overhead, slack / 200, 1e-4)
    return np.concatenate([[0.0], np.geomspace(first, max(slack, 2 * first), POINTS)])


def _shift(grid: Array, by: float) -> Array:
    """Return the matrix that reads a function of slack ``by`` hours lower, linearly between."""
    at = np.clip(grid - by, 0.0, None)
    low = np.clip(np.searchsorted(grid, at, side="right") - 1, 0, len(grid) - 2)
    share = (at - grid[low]) / (grid[low + 1] - grid[low])
    matrix, columns = np.zeros((len(grid), len(grid))), np.arange(len(grid))
    matrix[low, columns] = 1 - share
    matrix[low + 1, columns] += share
    return matrix
