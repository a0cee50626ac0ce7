"""A world with known truth: 20 numbers, 10 categories, batches that wobble, drift on demand.

Counts are drawn, not rows, so a window of a million rows costs as much as one of a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtr

from benchmarks.drift.data import CATEGORIES, LEVELS, NUMBERS
from tasks.drift.axes import Axes, Axis
from tasks.drift.histogram import Histogram
from tasks.drift.levels import Levels
from tasks.drift.profile import Column, Profile
from tasks.drift.reference import ReferenceProfile

GRID = np.linspace(-6, 6, 1201)
MIDDLES = (GRID[:-1] + GRID[1:]) / 2
SHAPES = ("normal", "skewed", "integers", "many zeros", "uniform")
AXES = Axes(
    columns=(
        *(Axis(name=f"number_{each:02}", numeric=True) for each in range(NUMBERS)),
        *(Axis(name=f"category_{each:02}", numeric=False) for each in range(CATEGORIES)),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What happens to one column."""

    column: str
    matters: bool = True
    shift: float = 0.0  # in standard deviations
    spread: float = 1.0  # factor on the standard deviation
    tail: float = 0.0  # share moved beyond everything seen
    missing: float = 0.0
    points: float = 0.0  # share that moves from the first to the second value
    unseen: float = 0.0


DRIFTS = {
    "shift .01": Drift(column="number_00", matters=False, shift=0.01),
    "shift .1": Drift(column="number_00", matters=False, shift=0.1),
    "shift .25": Drift(column="number_00", shift=0.25),
    "variance x1.3": Drift(column="number_00", spread=1.3**0.5),
    "tail 2 %": Drift(column="number_00", tail=0.02),
    "missing 5 %": Drift(column="number_00", missing=0.05),
    "category 5 points": Drift(column="category_05", points=0.05),
    "unseen 1 %": Drift(column="category_05", unseen=0.01),
}
NOTHING = Drift(column="")
TOGETHER = {
    "shift .25": Drift(column="number_00", shift=0.25),
    "variance x1.3": Drift(column="number_05", spread=1.3**0.5),
    "tail 2 %": Drift(column="number_10", tail=0.02),
    "missing 5 %": Drift(column="number_15", missing=0.05),
    "category 5 points": Drift(column="category_05", points=0.05),
    "unseen 1 %": Drift(column="category_06", unseen=0.01),
}
"""All that matters, at the same time, in columns of their own."""


class World:
    """Draws references and windows; ``wobble`` moves each column of each batch, in deviations."""

    def __init__(self, *, seed: int, wobble: float) -> None:
        self._random = np.random.default_rng(seed)
        self._wobble = wobble

    def reference(self, rows: int, batches: int = 20) -> ReferenceProfile:
        """Return batches of so many rows each."""
        named = {f"batch {each:03}": self.window(rows) for each in range(batches)}
        return ReferenceProfile(axes=AXES, batches=named)

    def window(self, rows: int, drift: str = "") -> Profile:
        """Return so many rows, in which one column may have changed."""
        return self.changed(rows, (DRIFTS[drift],) if drift else ())

    def changed(self, rows: int, drifts: Iterable[Drift]) -> Profile:
        """Return so many rows, in which some columns have changed."""
        what = {each.column: each for each in drifts}
        columns: dict[str, Column] = {}
        for number in range(NUMBERS):
            name = f"number_{number:02}"
            columns[name] = self._number(number, rows, what.get(name, NOTHING))
        for number in range(CATEGORIES):
            name = f"category_{number:02}"
            columns[name] = self._category(number, rows, what.get(name, NOTHING))
        return Profile(axes=AXES, columns=columns)

    def _number(self, number: int, rows: int, drift: Drift) -> Histogram:
        shift = drift.shift + self._wobble * self._random.normal()
        chances = np.diff(ndtr((GRID - shift) / drift.spread))
        missing = int(self._random.binomial(rows, drift.missing))
        far = int(self._random.binomial(rows - missing, drift.tail))
        counts = self._random.multinomial(rows - missing - far, chances / chances.sum())
        counts[-1] += far
        keys, place = keys_of(SHAPES[number % len(SHAPES)])
        found = np.bincount(place, weights=counts, minlength=len(keys)).astype(np.int64)
        return Histogram(keys=keys[found > 0], counts=found[found > 0], missing=missing)

    def _category(self, number: int, rows: int, drift: Drift) -> Levels:
        chances = 1 / np.arange(1, LEVELS[number] + 1)
        chances = chances * np.exp(self._wobble * self._random.normal(size=len(chances)))
        chances /= chances.sum()
        chances[0] -= drift.points
        chances[1] += drift.points
        unseen = int(self._random.binomial(rows, drift.unseen))
        counts = self._random.multinomial(rows - unseen, chances)
        named = {f"value {each:03}": int(count) for each, count in enumerate(counts) if count}
        return Levels(counts={**named, **({"never seen": unseen} if unseen else {})})


@cache
def keys_of(shape: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the bins of a column of that shape, and which of them each cell of the grid is in."""
    values = {
        "normal": MIDDLES,
        "skewed": np.exp(MIDDLES),
        "integers": np.round(30 * MIDDLES),
        "many zeros": np.maximum(MIDDLES, 0.25),
        "uniform": ndtr(MIDDLES),
    }[shape]
    raw = values.astype(np.float32).view(np.uint32) >> 16
    keys = np.where(raw < 1 << 15, raw + (1 << 15), (1 << 16) - 1 - raw).astype(np.uint16)
    found: tuple[np.ndarray, np.ndarray] = np.unique(keys, return_inverse=True)
    return found
