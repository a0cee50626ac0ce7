"""How many times as often green has an event as blue, with confidence sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATIOS = np.exp(np.linspace(-math.log(50), math.log(50), 101))
"""Ratios that are told apart."""
HIT = np.log(RATIOS)

Waiting = tuple[Sequence[float], Sequence[float], float]

KEPT = 256  # moments that are taken in at once


class Ratios:
    """Likelihood of each ratio of a grid, for groups of kinds of events; a group shares its odds.

    The prior-posterior-ratio martingale of Waudby-Smith and Ramdas (NeurIPS 2020): the ratios whose
    posterior exceeds alpha times their prior cover the true one at all times together. Moments wait
    until somebody asks, or until there are many.
    """

    def __init__(self, kinds: Sequence[int]) -> None:
        ends = list(accumulate(kinds))
        self._rows = [slice(end - size, end) for size, end in zip(kinds, ends, strict=True)]
        self._log = np.zeros((ends[-1], len(RATIOS)))
        self._waiting: list[list[Waiting]] = [[] for _ in kinds]

    def add(self, group: int, green: Sequence[float], blue: Sequence[float], odds: float) -> None:
        """Take in counts of events of a moment; odds are green's requests by blue's."""
        self._waiting[group].append((green, blue, odds))
        if len(self._waiting[group]) >= KEPT:
            self._settle()

    def intervals(self, *, alpha: float) -> tuple[Floats, Floats, Floats]:
        """Return (ratio, low, high) of each kind."""
        self._settle()
        top = self._log.max(axis=1, keepdims=True)
        mean = top + np.log(np.exp(self._log - top).mean(axis=1, keepdims=True))
        inside = self._log - mean > math.log(alpha)
        low = RATIOS[inside.argmax(axis=1)]
        high = RATIOS[len(RATIOS) - 1 - inside[:, ::-1].argmax(axis=1)]
        return RATIOS[self._log.argmax(axis=1)], low, high

    def _settle(self) -> None:
        for rows, waiting in zip(self._rows, self._waiting, strict=True):
            if not waiting:
                continue
            greens, blues, each = zip(*waiting, strict=True)
            green, odds = np.array(greens, np.float64).T, np.array(each)[:, None]
            both = green + np.array(blues, np.float64).T
            refused = np.log1p(RATIOS * odds) - np.log1p(odds)
            self._log[rows] += green.sum(axis=1)[:, None] * HIT - both @ refused
            waiting.clear()
