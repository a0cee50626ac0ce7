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
from numpy.typing import NDArray
from scipy.special import ndtri

from tasks.rollout.batches import BUCKETS
from tasks.rollout.evidence import MOST, RICHEST

Floats = NDArray[np.float64]

MEMORY = 60.0  # seconds of blue that ranks are taken among, besides the moment itself

EDGES = np.array(
    [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.998]
)
SHIFTS = (0.12, 0.25, 0.5, 1.0, 2.0)  # of the body, in standard deviations of the logarithm
TAILS = tuple((part, power) for power in (0.12, 0.3) for part in (0.01, 0.03, 0.1, 0.4))
BODY = 0.2  # share of the bets that is on the body
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
    """Where answers stand among each other, and what bets on that have become. Constant memory."""

    def __init__(self, prior: float) -> None:
        self.prior, self.money = prior, 0.0
        shares = [BODY / len(SHIFTS)] * len(SHIFTS) + [(1 - BODY) / len(TAILS)] * len(TAILS)
        self._chances = prior * np.array(shares)
        self._money = np.zeros(len(shares))
        self._blue = np.zeros(BUCKETS)
        self._below = np.zeros((2, BUCKETS + 1))
        self._cuts = np.zeros(len(EDGES) + 2, np.intp)
        self._cuts[-1] = BUCKETS

    def place(self, part: float) -> None:
        """Place a part of the purse: a regression may begin now."""
        self._money += part * self._chances
        self.money = float(self._money.sum())

    def settle(self, below: Floats) -> None:
        """Take in answers below each edge of the bins of ranks, (2, edges)."""
        blue, green = below[:, 1:] - below[:, :-1]
        if not below[1, -1]:
            return
        won = self.gains(blue, green)
        np.exp(np.minimum(won, MOST, out=won), out=won)
        self._money *= won
        self.money = float(self._money.sum())
        if self.money > RICHEST:
            self._money = np.minimum(self._money, RICHEST)

    def learn(self, blue: Floats, seconds: float) -> None:
        """Remember what blue did; forget slowly."""
        self._blue *= math.exp(-seconds / MEMORY)
        self._blue += blue

    def below(self, both: Floats) -> Floats:
        """Return answers below each edge of the bins, 0 and all included, of blue and green.

        ``both`` are answers by bucket, (2, buckets).
        """
        among = self._blue + both[0]
        among += both[1]
        rank = among.cumsum()
        all_of_them = rank[-1]
        among *= 0.5
        rank -= among
        self._cuts[1:-1] = rank.searchsorted(EDGES * all_of_them)
        both.cumsum(axis=1, out=self._below[:, 1:])
        found: Floats = self._below[:, self._cuts]
        return found

    def gains(self, blue: Floats, green: Floats) -> Floats:
        """Return the logarithm of what each bet wins on answers by bin of ranks, (bets,)."""
        both = blue + green
        of_green, of_both = green.sum(), both.sum()
        draw, drawn, (score, log) = green, of_green, FORMS[0]
        if 2 * of_green > of_both:
            draw, drawn, (score, log) = blue, of_both - of_green, FORMS[1]
        won: Floats = log @ draw - drawn * np.log(score @ both / of_both)
        return won

    def by_part(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return what the bets on the body and on the tail have become, each with its prior."""
        body = slice(0, len(SHIFTS))
        mine = float(self._money[body].sum()), self.prior * BODY
        return mine, (float(self._money[len(SHIFTS) :].sum()), self.prior * (1 - BODY))


ABOVE = {quantile: int(np.searchsorted(EDGES, quantile)) + 1 for quantile in (0.5, 0.95, 0.99)}
"""First bin of ranks above each quantile that is told."""
