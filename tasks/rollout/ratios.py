"""How many times as often green has an event as blue, with confidence sequences."""

from __future__ import annotations

import math

import numpy as np

from tasks.rollout.evidence import Floats

RATIOS = np.exp(np.linspace(-math.log(50), math.log(50), 101))
"""Ratios that are told apart."""


class Ratios:
    """Likelihood of each ratio of a grid, for several kinds of events.

    The prior-posterior-ratio martingale of Waudby-Smith and Ramdas (NeurIPS 2020): the ratios whose
    posterior exceeds alpha times their prior cover the true one at all times together.
    """

    def __init__(self, kinds: int) -> None:
        self._log = np.zeros((kinds, len(RATIOS)))

    def settle(self, green: Floats, blue: Floats, share: Floats) -> None:
        """Take in counts of events (kinds,) at green's share (kinds,) of the requests."""
        self._log += _gains(green, blue, share)

    def intervals(
        self, green: Floats, blue: Floats, share: Floats, *, alpha: float
    ) -> tuple[Floats, Floats, Floats]:
        """Return (ratio, low, high) of each kind, these events included but not taken in."""
        log = self._log + _gains(green, blue, share)
        top = log.max(axis=1, keepdims=True)
        mean = top + np.log(np.exp(log - top).mean(axis=1, keepdims=True))
        inside = log - mean > math.log(alpha)
        low = RATIOS[inside.argmax(axis=1)]
        high = RATIOS[len(RATIOS) - 1 - inside[:, ::-1].argmax(axis=1)]
        return RATIOS[log.argmax(axis=1)], low, high


def _gains(green: Floats, blue: Floats, share: Floats) -> Floats:
    odds = (share / (1 - share))[:, None]
    refused = np.log1p(RATIOS * odds) - np.log1p(odds)
    won: Floats = green[:, None] * np.log(RATIOS) - (green + blue)[:, None] * refused
    return won
