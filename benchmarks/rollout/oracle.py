"""The limit: a test that knows the effect, and blue's rate or distribution, beforehand.

Wald (Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16, 1945): it
needs log(1/alpha) divided by the Kullback-Leibler divergence of one answer.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.rollout.worlds import (
    CONVERSIONS,
    ERRORS,
    World,
    latency_shape,
)


def least(world: World, *, alpha: float) -> float:
    """Return the requests on green that such a test needs; infinite without a regression."""
    informed = _coin(min(ERRORS * world.errors, 0.9), ERRORS)
    informed += _coin(CONVERSIONS * world.conversions, CONVERSIONS)
    base = latency_shape(np.ones(1), 0.0)[0]
    mine = latency_shape(np.array([world.slower]), world.tail)[0]
    some = mine > 0
    informed += float((mine[some] * np.log(mine[some] / np.maximum(base[some], 1e-12))).sum())
    return math.log(1 / alpha) / informed if informed > 1e-9 else math.inf


def _coin(mine: float, base: float) -> float:
    return mine * math.log(mine / base) + (1 - mine) * math.log((1 - mine) / (1 - base))
