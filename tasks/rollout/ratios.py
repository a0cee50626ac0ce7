"""How many times as often green has an event as blue, with confidence sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATIOS = np.exp(np.linspace(-math.log(50), math.log(50), 101))
"""Ratios that are told apart."""
HIT = np.log(RATIOS)

KEPT = 64  # moments that are taken in at once


class Ratios:
    """Likelihood of each ratio of a grid, for several kinds of events that share their odds.

    The prior-posterior-ratio martingale of Waudby-Smith and Ramdas (NeurIPS 2020): the ratios whose
    posterior exceeds alpha times their prior cover the true one at all times together. Moments wait
    until somebody asks, or until there are many.
    """

    def __init__(self, kinds: int) -> None:
        self.kinds = kinds
        self._log = np.zeros((kinds, len(RATIOS)))
        self._green: list[Sequence[float]] = []
        self._blue: list[Sequence[float]] = []
        self._odds: list[float] = []

    def add(self, green: Sequence[float], blue: Sequence[float], odds: float) -> None:
        """Take in counts of events of a moment; odds are green's requests by blue's."""
        self._green.append(green)
        self._blue.append(blue)
        self._odds.append(odds)
        if len(self._odds) >= KEPT:
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
        if not self._odds:
            return
        green, blue = np.array(self._green, np.float64).T, np.array(self._blue, np.float64).T
        odds = np.array(self._odds)[:, None]
        refused = np.log1p(RATIOS * odds) - np.log1p(odds)
        self._log += green.sum(axis=1)[:, None] * HIT - (green + blue) @ refused
        self._green, self._blue, self._odds = [], [], []
