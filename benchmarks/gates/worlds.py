"""Slices on which it is known what the challenger truly gains.

Scores are binormal: a standard normal, moved by ``d`` where the truth is 1, has an area under the
ROC curve of Phi(d / root 2) (Hanley, Medical Decision Making 8, 1988). Champion and challenger
share part of their noise, as models of the same data do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from tasks.evaluation.gates import Sample

AREA, SHARED = 0.75, 0.8  # the champion's area; correlation of the two models' noise
MARGIN = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the slices of a data set are like."""

    name: str
    sizes: tuple[int, ...]  # rows of each slice
    gain: float = 0.0  # of every slice, in area
    harmed: int = 0  # so many slices, the first ones, gain ``harm`` instead
    harm: float = 0.0
    positives: float = 0.3
    empty: int = 0  # slices with rows of one class only

    def gains(self) -> tuple[float, ...]:
        """Return what the challenger truly gains in each slice that is not empty."""
        return (self.harm,) * self.harmed + (self.gain,) * (len(self.sizes) - self.harmed)

    def draw(self, random: np.random.Generator) -> list[Sample]:
        """Return the slices once."""
        found = [
            _slice(f"slice {number}", rows, gain, self.positives, random)
            for number, (rows, gain) in enumerate(zip(self.sizes, self.gains(), strict=True))
        ]
        nothing = np.zeros(40)
        return found + [
            Sample(
                name=f"empty {number}",
                truth=nothing.astype(np.int64),
                champion=nothing,
                challenger=nothing,
            )
            for number in range(self.empty)
        ]


def _slice(
    name: str, rows: int, gain: float, positives: float, random: np.random.Generator
) -> Sample:
    truth = (random.random(rows) < positives).astype(np.int64)
    shared = math.sqrt(SHARED) * random.standard_normal(rows)
    scores = [
        math.sqrt(2) * norm.ppf(area) * truth
        + shared
        + math.sqrt(1 - SHARED) * random.standard_normal(rows)
        for area in (AREA, AREA + gain)
    ]
    return Sample(name=name, truth=truth, champion=scores[0], challenger=scores[1])


def spread(slices: int, low: int, high: int) -> tuple[int, ...]:
    """Return sizes of slices from low to high, equally far apart on the logarithmic scale."""
    return tuple(np.geomspace(low, high, slices).astype(int).tolist())


MANY = spread(20, 50, 20_000)
FINE = (
    World(name="equal, 1 slice", sizes=(5_000,)),
    World(name="equal, 20 slices", sizes=MANY),
    World(name="equal, 60 small slices", sizes=spread(60, 50, 1_000)),
    World(name="equal, 1 % positive", sizes=spread(20, 500, 20_000), positives=0.01),
    World(name="all lose half the margin", sizes=MANY, gain=-MARGIN / 2),
    World(name="gains .03, 5 empty slices", sizes=MANY, gain=0.03, empty=5),
)
HARMED = (
    World(name="1 of 1 loses .06", sizes=(1_500,), harmed=1, harm=-0.06),
    World(name="1 of 20 loses .06", sizes=(2_500, *MANY[1:]), harmed=1, harm=-0.06),
    World(name="1 of 20 loses .10", sizes=(600, *MANY[1:]), harmed=1, harm=-0.1),
    World(name="1 of 60 loses .10", sizes=(600,) * 60, harmed=1, harm=-0.1),
    World(
        name="1 of 20 loses .15, others gain .03",
        sizes=(300, *MANY[1:]),
        gain=0.03,
        harmed=1,
        harm=-0.15,
    ),
    World(
        name="1 of 20 loses .20, 1 % positive",
        sizes=(2_000,) * 20,
        positives=0.01,
        harmed=1,
        harm=-0.2,
    ),
)
EDGE = (
    World(name="20 lose the margin", sizes=MANY, gain=-MARGIN),
    World(name="20 lose twice the margin", sizes=MANY, gain=-2 * MARGIN),
    World(
        name="20 lose the margin, 1 % positive",
        sizes=spread(20, 500, 20_000),
        gain=-MARGIN,
        positives=0.01,
    ),
)
