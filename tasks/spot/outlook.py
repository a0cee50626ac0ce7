"""The expected cost to the end, by a plan that knows the rates of change.

Dynamic programming over time left, slack, the market (up or down, by age class), and the machine
(none, on-demand, spot). Waiting costs slack, on-demand costs money, a launch costs both. Slack is
time left less work left: a machine that works keeps it, so time and slack together say the work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from tasks.spot.lives import AGES, CLASSES

Array = NDArray[np.float64]
STEPS, POINTS = 96, 28
SHORT = 12.0  # times the on-demand price: an hour that is missing at the deadline
# rows of the table: idle and on-demand by market state (up, then down), spot by age class
IDLE, DEMAND, SPOT = 0, 2 * CLASSES, 4 * CLASSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an outlook is solved for. Hours, prices per hour, rates per hour by age class."""

    spot: float
    on_demand: float
    overhead: float
    reserve: float  # slack below which it is too late to wait
    hops: float  # moves from zone to zone per hour of spot
    moving: float  # price of such a move, and of one between spot and on-demand
    losses: list[float]
    returns: list[float]

    def near(self, other: Figures) -> bool:
        """Whether an outlook for one will do for the other."""
        rates = zip([*self.losses, *self.returns], [*other.losses, *other.returns], strict=True)
        return (
            self.reserve == other.reserve
            and _apart(self.spot, other.spot) < 0.03
            and _apart(self.on_demand, other.on_demand) < 0.03
            and _apart(self.hops + 0.02, other.hops + 0.02) < 0.5
            and abs(self.moving - other.moving) <= 0.01 * self.spot
            and all(_apart(a, b) < 0.25 for a, b in rates)
        )


class Outlook:
    """Expected costs for all times up to ``hours`` and slacks up to ``slack``."""

    def __init__(self, figures: Figures, *, hours: float, slack: float, step: float) -> None:
        self.figures = figures
        self.step = max(step, hours / STEPS)
        self.grid = _grid(slack, figures.overhead)
        self.table = _solved(figures, self.grid, self.step, math.ceil(hours / self.step) + 1)

    def value(self, row: int, time_left: float, slack: float) -> float:
        """Return the expected cost from a row's state on; linear between what was solved."""
        if time_left - slack <= 1e-9:
            return 0.0
        at = min(max(time_left, 0.0) / self.step, len(self.table) - 1.0)
        k, grid = min(int(at), len(self.table) - 2), self.grid
        x = min(max(slack, 0.0), float(grid[-1]))
        j = min(int(np.searchsorted(grid, x, side="right")) - 1, len(grid) - 2)
        a, b = at - k, (x - grid[j]) / (grid[j + 1] - grid[j])
        near, far = self.table[k, row], self.table[k + 1, row]
        early = (1 - b) * near[j] + b * near[j + 1]
        return float((1 - a) * early + a * ((1 - b) * far[j] + b * far[j + 1]))


def _solved(figures: Figures, grid: Array, h: float, count: int) -> Array:
    """Return the table [steps left, row, slack], filled from the deadline back."""
    n, d, p, q = CLASSES, figures.overhead, figures.spot, figures.on_demand
    market, held = _transitions(figures, h)
    lost = market[:n].copy()
    lost[:, :n] -= held
    wait, half, launch = (_shift(grid, by) for by in (h, h / 2, d))
    hop = 1 - math.exp(-figures.hops * h)
    hold = (1 - hop) * np.eye(len(grid)) + hop * launch
    hopping = hop * (p * d + figures.moving)
    late = SHORT * q * np.maximum(figures.reserve - grid, 0.0)
    late_after = SHORT * q * np.maximum(h + figures.reserve - grid, 0.0)
    table = np.zeros((count, 5 * n, len(grid)))
    for k in range(1, count):
        idle, demand, spot = np.split(table[k - 1], (DEMAND, SPOT))
        work = np.maximum(k * h - grid, 0.0)
        run, start = np.minimum(h, work), np.minimum(h, work + d)
        waiting = (market @ idle) @ wait + late_after
        demanded = market @ demand
        launched = demanded @ launch + (q * start + late + figures.moving)
        # a loss comes on average in the middle of a step
        ridden = (held @ spot) @ hold + (lost @ idle) @ half + hopping
        taken = ridden @ launch + (p * start + 2 * late + figures.moving)
        free = np.minimum(waiting, launched)
        free[:n] = np.minimum(free[:n], taken)
        kept = np.minimum(waiting, demanded + q * run)
        kept[:n] = np.minimum(kept[:n], taken)
        table[k] = np.concatenate([free, kept, np.minimum(ridden + p * run, free[:n])])
        table[k][:, work <= 0.0] = 0.0
    return table


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


def _transitions(figures: Figures, hours: float) -> tuple[Array, Array]:
    """Return the market's transitions over ``hours``, and those of a spot machine not lost."""
    n = CLASSES
    rates = np.zeros((2 * n, 2 * n))
    for side, other, changes in ((0, n, figures.losses), (n, 0, figures.returns)):
        for i, change in enumerate(changes):
            rates[side + i, other] += change
            if i + 1 < n:
                rates[side + i, side + i + 1] += 1 / (AGES[i + 1] - AGES[i])
    np.fill_diagonal(rates, rates.diagonal() - rates.sum(axis=1))
    return expm(rates * hours), expm(rates[:n, :n] * hours)


def _apart(a: float, b: float) -> float:
    return abs(math.log(max(a, 1e-12) / max(b, 1e-12)))
