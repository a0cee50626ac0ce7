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
from collections.abc import Sequence
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from tasks.rollout.batches import NARROW, as_wide
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
BETS = len(SCORES)

FORMS = tuple(
    -np.diff(np.vstack([log, score]), axis=1, prepend=0.0, append=0.0).T
    for score, log in ((SCORES, np.log(SCORES)), (1 / SCORES, -np.log(SCORES)))
)
"""What turns answers below each edge into sums of log scores, and of scores, (edges, 2 bets).

For the draw that is green's, and blue's: beyond half of the traffic, blue is the smaller draw; its
low ranks speak against green.
"""
TWICE = 2 * EDGES


class Ranks:
    """Where answers stand among each other, and what bets on that have become. Constant memory."""

    def __init__(self, prior: float) -> None:
        self.prior, self.money = prior, 0.0
        shares = [BODY / len(SHIFTS)] * len(SHIFTS) + [(1 - BODY) / len(TAILS)] * len(TAILS)
        self._chances = [prior * share for share in shares]
        self._money, self._due = [0.0] * BETS, 0.0  # due: placed since bets were settled
        # answers remembered below each bucket and all of them
        self._blue: Floats = np.zeros(NARROW[1] + 1)
        self._cuts = np.zeros(len(EDGES) + 2, np.intp)
        self._cuts[-1] = NARROW[1]

    def place(self, part: float) -> None:
        """Place a part of the purse: a regression may begin now."""
        self._due += part
        self.money += part * self.prior

    def settle(self, below: Floats) -> None:
        """Take in answers below each edge of the bins of ranks, (2, edges)."""
        if not below[1, -1]:
            return
        due, self._due = self._due, 0.0
        gains = self.gains(below)
        self._money = [
            (money + due * chance) * exp(gain if gain < MOST else MOST)
            for money, chance, gain in zip(self._money, self._chances, gains, strict=True)
        ]
        self.money = sum(self._money)
        if self.money > RICHEST:
            self._money = [min(money, RICHEST) for money in self._money]
            self.money = sum(self._money)

    def learn(self, blue: Floats, seconds: float) -> None:
        """Remember what blue did, by answers below each bucket; forget slowly."""
        alike = self._alike(blue)  # first: it may make what is remembered wider
        self._blue *= math.exp(-seconds / MEMORY)
        self._blue += alike

    def below(self, both: Floats) -> Floats:
        """Return answers below each edge of the bins, 0 and all included, of blue and green.

        ``both`` are answers below each bucket, (2, buckets + 1).
        """
        both = self._alike(both)
        among = self._blue + both[0]
        among += both[1]
        ranks = among[1:] + among[:-1]  # twice the middle of each bucket
        self._cuts[1:-1] = ranks.searchsorted(TWICE * among[-1])
        return both.take(self._cuts, axis=1)

    def _alike(self, below: Floats) -> Floats:
        """Return answers below the same buckets as those remembered, whichever are more."""
        if below.shape[-1] > len(self._blue):
            self._blue = as_wide(self._blue)
            self._cuts[-1] = len(self._blue) - 1
        return below if below.shape[-1] == len(self._blue) else as_wide(below)

    def gains(self, below: Floats) -> Sequence[float]:
        """Return the logarithm of what each bet wins on answers below each edge."""
        of_blue, of_green = below[:, -1].tolist()
        side, drawn = (1, of_green) if of_green <= of_blue else (0, of_blue)
        blue, green = (below @ FORMS[1 - side]).tolist()
        logs, total = (green if side else blue)[:BETS], of_blue + of_green
        return [
            score - drawn * log((theirs + mine) / total)
            for score, theirs, mine in zip(logs, blue[BETS:], green[BETS:], strict=True)
        ]

    def by_part(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return what the bets on the body and on the tail have become, each with its prior."""
        placed = zip(self._money, self._chances, strict=True)
        money = [money + self._due * chance for money, chance in placed]
        body, tail = money[: len(SHIFTS)], money[len(SHIFTS) :]
        return (sum(body), self.prior * BODY), (sum(tail), self.prior * (1 - BODY))


ABOVE = {quantile: int(np.searchsorted(EDGES, quantile)) + 1 for quantile in (0.5, 0.95, 0.99)}
"""First bin of ranks above each quantile that is told."""
