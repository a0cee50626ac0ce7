"""Evidence that green is worse than the concurrent blue, valid at every look.

An event (an error, a lost conversion) carries a label: who gave it. While green is no worse, the
label is green with at most the probability that green's share of the requests of that moment
implies, whatever the common rate does: a daily cycle, an incident that hits both. Betting against
that gives a supermartingale, and by Ville's inequality (1939) it exceeds 1/alpha with a chance of
at most alpha over the whole rollout, however often one looks. See Ramdas, Gruenwald, Vovk and
Shafer, Game-theoretic statistics and safe anytime-valid inference, Statistical Science 38 (2023).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EFFECTS = np.array([1.4, 2.0, 3.5, 8.0, 25.0, 100.0])
"""Ratios that are bet on, beyond the accepted one."""

GENTLE = np.array([1.12, 1.25, 1.5, 2.0, 4.0, 10.0])
"""The same for shares that cannot grow much: a tenth of the answers cannot become a hundredfold."""

ONSET_MEAN = 25.0  # minutes; prior for when a regression that was not there at first begins
FIRST = 0.45  # share of the bets that is placed on a regression from the first moment on


class Bets:
    """A purse spread over bets: much of it from the first moment on, the rest by the minute.

    All arithmetic is on logarithms, one number a bet.
    """

    def __init__(self, prior: Floats) -> None:
        self._prior = np.log(prior / prior.sum())
        self._log = self._prior + math.log(FIRST)
        self._left = 1 - FIRST  # of the purse, for onsets still to come

    def minute(self) -> None:
        """Place the bets of one more minute: a regression may begin now."""
        fresh = self._left * (1 - math.exp(-1 / ONSET_MEAN))
        self._left -= fresh
        self._log = np.logaddexp(self._log, self._prior + math.log(fresh))

    def settle(self, gains: Floats) -> None:
        """Take in the logarithm of what each bet has won, (bets,)."""
        self._log += gains

    def log_evidence(self) -> float:
        """Return the logarithm of what the purse has become."""
        return _log_sum(self._log, self._left)

    def log_evidence_by(self, starts: NDArray[np.intp]) -> Floats:
        """Return the same for each part of the bets, as if there were no others.

        ``starts`` are the places of the parts' first bets.
        """
        top = max(float(self._log.max()), 0.0)
        prior = np.add.reduceat(np.exp(self._prior), starts)
        grown = np.add.reduceat(np.exp(self._log - top), starts) / prior
        found: Floats = top + np.log(grown + self._left * math.exp(-min(top, 700.0)))
        return found


class Labels:
    """What bets on labels win, for several kinds of events: (kinds, effects), flat."""

    def __init__(self, accepted: Floats, effects: Floats) -> None:
        self._accepted = accepted  # ratio that is no regression, (kinds,)
        self._ratio = accepted[:, None] * effects
        self._hit = np.log(effects)

    def gains(self, green: Floats, blue: Floats, share: Floats) -> Floats:
        """Return what counts of events (kinds,) win, at green's share (kinds,) of the requests."""
        odds = share / (1 - share)
        refused = np.log1p(self._ratio * odds[:, None]) - np.log1p(self._accepted * odds)[:, None]
        won = green[:, None] * self._hit - (green + blue)[:, None] * refused
        return np.ravel(won)


class Certificate:
    """The test the other way round: evidence that green's ratios are below the largest acceptable.

    One for each kind of event; counts are (kinds,).
    """

    _BELOW = np.array([0.35, 0.55, 0.7, 0.85])

    def __init__(self, kinds: int, *, largest: float) -> None:
        self._largest = largest
        self._log = np.full((kinds, len(self._BELOW)), -math.log(len(self._BELOW)))

    def settle(self, green: Floats, blue: Floats, share: Floats) -> None:
        """Take in events."""
        self._log += self._gains(green, blue, share)

    def log_evidence(self, green: Floats, blue: Floats, share: Floats) -> Floats:
        """Return the logarithms of the evidence, these events included but not taken in."""
        log = self._log + self._gains(green, blue, share)
        found: Floats = np.logaddexp.reduce(log, axis=1)
        return found

    def _gains(self, green: Floats, blue: Floats, share: Floats) -> Floats:
        odds = (self._largest * share / (1 - share))[:, None]
        refused = np.log1p(self._BELOW * odds) - np.log1p(odds)
        won: Floats = green[:, None] * np.log(self._BELOW) - (green + blue)[:, None] * refused
        return won


class Rarity:
    """Evidence that a rate is below a limit, for events too rare to compare."""

    _BELOW = np.array([0.02, 0.1, 0.3, 0.6])

    def __init__(self, limit: float) -> None:
        rates = limit * self._BELOW
        self._hit = np.log(rates / limit)
        self._miss = np.log1p(-rates) - np.log1p(-limit)
        self._log = np.full(self._BELOW.shape, -math.log(len(self._BELOW)))

    def settle(self, events: float, requests: float) -> None:
        """Take in events, out of so many requests."""
        self._log += events * self._hit + (requests - events) * self._miss

    def log_evidence(self, events: float, requests: float) -> float:
        """Return the logarithm of the evidence, these events included but not taken in."""
        log = self._log + events * self._hit + (requests - events) * self._miss
        return float(np.logaddexp.reduce(log))


def _log_sum(log: Floats, rest: float) -> float:
    top = max(float(log.max()), 0.0)
    return top + math.log(float(np.exp(log - top).sum()) + rest * math.exp(-top))
