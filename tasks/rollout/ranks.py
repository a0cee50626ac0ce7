"""Evidence that green is slower than the concurrent blue, in its body or in its tail alone.

Each answer has a rank among all answers of both in the same moment and blue's in the minute before.
While green is no slower, green's answers are a random draw without replacement from all of them,
so by Hoeffding (Probability inequalities for sums of bounded random variables, JASA 1963, section
6) the product of any score over green's answers, divided by the power of the score's mean over
all answers, has an expectation of at most one; a change that both share moves ranks of neither.
The scores are likelihood ratios: ranks that move as normal ones do when the body shifts, and a few
that go to the far end when only a tail grows (Lehmann's alternative, Annals of Mathematical
Statistics 24, 1953).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from tasks.rollout.batches import BUCKETS
from tasks.rollout.evidence import Floats

MEMORY = 60.0  # seconds of blue that ranks are taken among, besides the moment itself

EDGES = np.array(
    [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.998]
)
SHIFTS = (0.12, 0.25, 0.5, 1.0, 2.0)  # of the body, in standard deviations of the logarithm
TAILS = tuple((part, power) for power in (0.12, 0.3) for part in (0.01, 0.03, 0.1, 0.4))
HIGHEST = 40.0  # score: one answer alone proves little


def scores() -> Floats:
    """Return the score of each bin of ranks for each bet, (bets, bins); rising along the bins."""
    low, high = np.append(0.0, EDGES), np.append(EDGES, 1.0)
    normal = ndtri((low + high) / 2)
    found = [np.exp(shift * normal - shift**2 / 2) for shift in SHIFTS]
    for part, power in TAILS:
        tail = ((1 - low) ** power - (1 - high) ** power) / (high - low)
        found.append(1 - part + part * tail)
    highest: Floats = np.minimum(np.array(found), HIGHEST)
    return highest


SCORES = scores()

FORMS = ((SCORES, np.log(SCORES)), (1 / SCORES, -np.log(SCORES)))
"""Beyond half of the traffic, blue is the smaller draw; its low ranks speak against green."""


class Ranks:
    """Where answers stand among each other, and what bets on that win. Constant memory."""

    bets = len(SHIFTS) + len(TAILS)
    body = slice(0, len(SHIFTS))
    tail = slice(len(SHIFTS), bets)

    def __init__(self) -> None:
        self._blue = np.zeros(BUCKETS)

    def learn(self, blue: Floats, seconds: float) -> None:
        """Remember what blue did; forget slowly."""
        self._blue *= math.exp(-seconds / MEMORY)
        self._blue += blue

    def bins(self, blue: Floats, green: Floats) -> tuple[Floats, Floats]:
        """Return answers by bin of ranks, of blue and of green, from answers by bucket."""
        among = self._blue + blue + green
        below = among.cumsum()
        places = EDGES.searchsorted((below - among / 2) / below[-1])
        size = len(EDGES) + 1
        return (
            np.bincount(places, blue, size).astype(np.float64, copy=False),
            np.bincount(places, green, size).astype(np.float64, copy=False),
        )

    def gains(self, blue: Floats, green: Floats) -> Floats:
        """Return what each bet wins on answers by bin of ranks, (bets,)."""
        of_green, of_both = float(green.sum()), float(green.sum() + blue.sum())
        draw, (score, log) = green, FORMS[0]
        if 2 * of_green > of_both:
            draw, (score, log) = blue, FORMS[1]
        mean = score @ (blue + green) / of_both
        won: Floats = log @ draw - draw.sum() * np.log(mean)
        return won


ABOVE = {quantile: int(np.searchsorted(EDGES, quantile)) + 1 for quantile in (0.5, 0.95, 0.99)}
"""First bin of ranks above each quantile that is told."""


def over(bins: Floats) -> list[float]:
    """Return how many answers rank above each of those quantiles."""
    beyond = bins[::-1].cumsum()[::-1]
    return [float(beyond[place]) for place in ABOVE.values()]
