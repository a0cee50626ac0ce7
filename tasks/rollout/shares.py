"""Does green get the share of the requests that it should? A variant that drops some shows here.

A sample ratio mismatch is told, never judged: the comparison goes by observed shares. The test is
the sequential one of Lindon and Malek (Anytime-valid inference for multinomial count data, NeurIPS
2022), with a few ratios in place of a continuum.
"""

from __future__ import annotations

import math

RATIOS = (0.1, 0.5, 0.75, 0.9, 1.1, 1.33, 2.0, 10.0)  # of odds
CERTAINTY = 1000.0
TOLERANCE = 0.05  # relative; routers are seldom exact to the last percent


class Shares:
    """Compares what green gets with what it should, over all steps."""

    def __init__(self) -> None:
        self._log = [-math.log(len(RATIOS))] * len(RATIOS)
        self._green = self._expected = 0.0
        self._at, self._now = 0.0, (0, 0)  # the share that is expected now, and what came since

    def settle(self, green: int, blue: int, expected: float) -> None:
        """Take in requests (or users, where they stay on a variant) of a moment at one share."""
        if expected != self._at:
            self._fold()
            self._at = expected
        self._now = self._now[0] + green, self._now[1] + blue

    def log_evidence(self) -> float:
        """Return the logarithm of the evidence that it is another share."""
        self._fold()
        top = max(self._log)
        return top + math.log(sum(math.exp(log - top) for log in self._log))

    def mismatch(self) -> str:
        """Return what is wrong with green's share, or "" while nothing is certain."""
        if self.log_evidence() < math.log(CERTAINTY) or not self._expected:
            return ""
        ratio = self._green / self._expected
        if abs(ratio - 1) < TOLERANCE:
            return ""
        return f"green gets {ratio:.2f} times the share of traffic that it should"

    def _fold(self) -> None:
        (green, blue), expected = self._now, self._at
        self._now = 0, 0
        if not 0 < expected < 1 or green + blue == 0:
            return
        self._green += green
        self._expected += (green + blue) * expected
        for place, ratio in enumerate(RATIOS):
            refused = math.log1p(expected * (ratio - 1))
            self._log[place] += green * math.log(ratio) - (green + blue) * refused
