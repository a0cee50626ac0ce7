"""Evidence that green is worse than the concurrent blue, valid at every look.

An event (an error, a slow answer) carries a label: who gave it. While green is no worse, the label
is green with at most the probability that green's share of the requests of that tick implies,
whatever the common rate does: a daily cycle, an incident that hits both. Betting against that
gives a supermartingale, and by Ville's inequality (1939) it exceeds 1/alpha with a chance of at
most alpha over the whole rollout, however often one looks. See Ramdas, Gruenwald, Vovk and
Shafer, Game-theoretic statistics and safe anytime-valid inference, Statistical Science 38 (2023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EFFECTS = np.array([1.5, 2.5, 5.0, 12.0, 60.0])
"""Ratios that are bet on, beyond the accepted one."""

GENTLE = np.array([1.12, 1.25, 1.5, 2.0, 4.0])
"""The same for shares that cannot grow much: half of the answers cannot become sixty times."""

RATIOS = np.exp(np.linspace(-np.log(30), np.log(30), 137))
"""Grid of ratios for confidence sequences."""

ONSET_MEAN = 60.0  # minutes; prior for when a regression that was not there at first begins
FIRST = 0.5  # share of the bets that is placed on a regression from the first tick on


class Bets:
    """Bets on several kinds of events at once, from the first minute on and from each later one.

    Shapes: ``kinds`` kinds of events; all arithmetic is on logarithms, (kinds, effects).
    """

    def __init__(self, accepted: Floats, effects: Floats) -> None:
        self._accepted = accepted[:, None]  # ratio that is no regression, (kinds, 1)
        self._ratio = self._accepted * effects
        self._effects = int(effects.shape[-1])
        self._sum = np.full(self._ratio.shape, np.log(FIRST / self._effects))
        self._left = 1 - FIRST  # of the prior, for onsets still to come

    def minute(self) -> None:
        """Place the bets of one more minute: a regression may begin now."""
        fresh = self._left * (1 - np.exp(-1 / ONSET_MEAN))
        self._left -= fresh
        self._sum = np.logaddexp(self._sum, np.log(fresh / self._effects))

    def settle(self, green: Floats, blue: Floats, share: Floats) -> None:
        """Take in the events of a tick: counts (kinds,) and green's share (kinds,) in 0..1."""
        odds = (share / (1 - share))[:, None]
        before = self._accepted * odds
        after = self._ratio * odds
        both = (green + blue)[:, None]
        gain = green[:, None] * np.log(self._ratio / self._accepted)
        self._sum += gain + both * (np.log1p(before) - np.log1p(after))

    def log_evidence(self) -> Floats:
        """Return the logarithm of the evidence for each kind, (kinds,)."""
        placed: Floats = np.logaddexp.reduce(self._sum, axis=1)
        return np.logaddexp(placed, np.log(self._left))


class Certificate:
    """The test the other way round: evidence that green's ratio is below the largest acceptable."""

    _BELOW = np.array([0.35, 0.55, 0.7, 0.85])

    def __init__(self, largest: float) -> None:
        self._largest = largest
        self._sum = np.full(self._BELOW.shape, -np.log(len(self._BELOW)))

    def settle(self, green: float, blue: float, share: float) -> None:
        """Take in the events of a tick."""
        odds = share / (1 - share)
        ratio = self._largest * self._BELOW
        gain = green * np.log(self._BELOW)
        loss = (green + blue) * (np.log1p(self._largest * odds) - np.log1p(ratio * odds))
        self._sum += gain + loss

    def log_evidence(self) -> float:
        """Return the logarithm of the evidence."""
        return float(np.logaddexp.reduce(self._sum))


class Rarity:
    """Evidence that a rate is below a limit, for events too rare to compare."""

    _BELOW = np.array([0.02, 0.1, 0.3, 0.6])

    def __init__(self, limit: float) -> None:
        self._rates = limit * self._BELOW
        self._hit = np.log(self._rates / limit)
        self._miss = np.log1p(-self._rates) - np.log1p(-limit)
        self._sum = np.full(self._BELOW.shape, -np.log(len(self._BELOW)))

    def settle(self, events: float, requests: float) -> None:
        """Take in the events of a tick, out of so many requests."""
        self._sum += events * self._hit + (requests - events) * self._miss

    def log_evidence(self) -> float:
        """Return the logarithm of the evidence."""
        return float(np.logaddexp.reduce(self._sum))


class Ratios:
    """Likelihood of each ratio of a grid, for several kinds: estimates with confidence sequences.

    The prior-posterior-ratio martingale of Waudby-Smith and Ramdas (NeurIPS 2020): the ratios whose
    posterior exceeds alpha times their prior cover the true one at all times together.
    """

    def __init__(self, kinds: int) -> None:
        self._log = np.zeros((kinds, len(RATIOS)))

    def settle(self, green: Floats, blue: Floats, share: Floats) -> None:
        """Take in the events of a tick, as for bets."""
        odds = (share / (1 - share))[:, None]
        both = (green + blue)[:, None]
        self._log += green[:, None] * np.log(RATIOS) - both * (
            np.log1p(RATIOS * odds) - np.log1p(odds)
        )

    def interval(self, kind: int, alpha: float) -> tuple[float, float, float]:
        """Return (estimate, low, high) of the ratio."""
        log = self._log[kind]
        ratio = log - (np.logaddexp.reduce(log) - np.log(len(RATIOS)))
        inside = np.flatnonzero(ratio > np.log(alpha))
        low, high = RATIOS[inside[0]], RATIOS[inside[-1]]
        return float(RATIOS[int(np.argmax(log))]), float(low), float(high)
