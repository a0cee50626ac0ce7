"""Evidence, valid at every look, that the mean loss of a model is above what was promised.

A bet against "the mean loss is at most m" multiplies the capital by 1 + b (x - m) for each loss x
in 0..1. Its expectation never grows while the promise holds, so capital 20 comes with a chance of
at most 1 in 20, however often one looks (Ville; Waudby-Smith and Ramdas, JRSS B 86, 2024). Several
bets at once are averaged.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from blocks.contracts import Frozen

STAKES = (0.05, 0.2, 0.5, 0.9)
"""Shares of the largest bet allowed, 1 / m."""


class LossEvidence(Frozen):
    """The logarithm of the capital of each bet, after so many losses. It is all that is kept."""

    promised: float  # the largest mean loss that is still accepted, in 0..1
    capital: tuple[float, ...] = (0.0,) * len(STAKES)
    rows: int = 0

    def after(self, losses: npt.NDArray[np.float64]) -> LossEvidence:
        """Return the evidence after more losses, each in 0..1, in the order they came."""
        stakes = np.array(STAKES)[:, None] / self.promised
        gains = np.log1p(stakes * (losses[None, :] - self.promised)).sum(axis=1)
        capital = tuple((np.array(self.capital) + gains).tolist())
        return self.model_copy(update={"capital": capital, "rows": self.rows + len(losses)})

    @property
    def value(self) -> float:
        """The evidence: mean capital. 20 is evidence at the level of 5 %."""
        return float(np.exp(np.clip(self.capital, None, 700)).mean())
