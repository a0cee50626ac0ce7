"""Evidence that green is worse than the concurrent blue, valid at every look.

An event (an error, a lost conversion) carries a label: who gave it. While green is no worse, the
label is green with at most the probability that green's share of the requests of that moment
implies, whatever the common rate does: a daily cycle, an incident that hits both. Betting against
that gives a supermartingale, and by Ville's inequality (1939) it exceeds 1/alpha with a chance of
at most alpha over the whole rollout, however often one looks. See Ramdas, Gruenwald, Vovk and
Shafer, Game-theoretic statistics and safe anytime-valid inference, Statistical Science 38 (2023).

Plain numbers, not arrays: a kind of event has few bets, and most moments have few events.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from math import exp, log, log1p

EFFECTS = (1.4, 2.0, 3.5, 8.0, 25.0, 100.0)
"""Ratios that are bet on, beyond the accepted one."""

CHANCES = (0.15, 0.3, 0.3, 0.15, 0.06, 0.04)
"""Share of the bets on each: the larger the effect, the sooner little money becomes much."""

GENTLE = (1.12, 1.25, 1.5, 2.0, 4.0, 10.0)
"""The same for shares that cannot grow much: a tenth of the answers cannot become a hundredfold."""

MILD = (0.12, 0.18, 0.25, 0.25, 0.12, 0.08)

FEW = 50  # events of one piece; with more, powers could be too large for a number
MOST, RICHEST = 300.0, 1e150  # far beyond any threshold; numbers stay finite


class Stake:
    """Money on one kind of event: one bet for each effect, beyond an accepted ratio.

    ``prior`` is what each is worth as a part of the whole purse; nothing is placed yet.
    """

    def __init__(self, prior: Sequence[float], effects: Sequence[float], accepted: float) -> None:
        self.prior, self._accepted = sum(prior), accepted
        self._chances = list(prior)
        self._money = [0.0] * len(self._chances)
        self._hits = [log(effect) for effect in effects]
        self._ratios = [accepted * effect for effect in effects]
        self._powers = _powers(tuple(effects))
        self.money = 0.0

    def place(self, part: float) -> None:
        """Place a part of the purse: a regression may begin now."""
        self._money = [
            money + part * chance for money, chance in zip(self._money, self._chances, strict=True)
        ]
        self.money = sum(self._money)

    def settle(self, green: int, blue: int, odds: float) -> None:
        """Take in events of a moment; odds are green's requests by blue's."""
        both = green + blue
        if not both:
            return
        fair, before = 1 + self._accepted * odds, self._money
        if both == 1:
            self._money = [
                money * won * (fair / (1 + ratio * odds))
                for money, won, ratio in zip(before, self._powers[green], self._ratios, strict=True)
            ]
        elif both <= FEW:
            self._money = [
                money * won * (fair / (1 + ratio * odds)) ** both
                for money, won, ratio in zip(before, self._powers[green], self._ratios, strict=True)
            ]
        else:
            gains = [
                green * hit - both * log((1 + ratio * odds) / fair)
                for hit, ratio in zip(self._hits, self._ratios, strict=True)
            ]
            self._money = [
                money * exp(gain if gain < MOST else MOST)
                for money, gain in zip(before, gains, strict=True)
            ]
        self.money = sum(self._money)
        if self.money > RICHEST:
            self._money = [min(money, RICHEST) for money in self._money]


@cache
def _powers(effects: tuple[float, ...]) -> Sequence[Sequence[float]]:
    """Return what few events of green win, (events, effects)."""
    return [[effect**green for effect in effects] for green in range(FEW + 1)]


FOUR = math.log(4)
"""What four bets, those of each proof, may be worth more than the best of them."""


class Certificate:
    """The test the other way round: evidence that green's ratio is below the largest acceptable."""

    _BELOW = (0.35, 0.55, 0.7, 0.85)

    def __init__(self, *, largest: float) -> None:
        self._largest = largest
        self._bets = [(math.log(below), below * largest) for below in self._BELOW]
        self._log = [-FOUR] * len(self._BELOW)

    def settle(self, green: float, blue: float, odds: float) -> None:
        """Take in events of a moment; odds are green's requests by blue's."""
        both, fair = green + blue, log1p(self._largest * odds)
        if both:
            self._log = [
                log + green * hit - both * (log1p(ratio * odds) - fair)
                for log, (hit, ratio) in zip(self._log, self._bets, strict=True)
            ]

    def log_evidence(self) -> float:
        """Return the logarithm of the evidence."""
        return _log_sum(self._log)

    def at_least(self) -> float:
        """Return what it reaches, and exceeds by no more than FOUR. Quick."""
        return max(self._log)


class Rarity:
    """Evidence that a rate is below a limit, for events too rare to compare."""

    _BELOW = (0.02, 0.1, 0.3, 0.6)

    def __init__(self, limit: float) -> None:
        self._bets = [
            (math.log(below), log1p(-limit * below) - log1p(-limit)) for below in self._BELOW
        ]
        self._events = self._rest = 0.0

    def settle(self, events: float, requests: float) -> None:
        """Take in events, out of so many requests."""
        self._events += events
        self._rest += requests - events

    def log_evidence(self) -> float:
        """Return the logarithm of the evidence."""
        return _log_sum([self._events * hit + self._rest * miss for hit, miss in self._bets]) - FOUR

    def at_least(self) -> float:
        """Return what it reaches, and exceeds by no more than FOUR. Quick."""
        return max([self._events * hit + self._rest * miss for hit, miss in self._bets]) - FOUR


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum(exp(log - top) for log in logs))
