"""How long spot is held and how long it is gone, learnt from what was seen.

Lifetimes are mostly heavy-tailed: an old spell is safe, a young one is not. So the rate of change
is estimated by age, piecewise constant, each as the mean of a Gamma posterior (Gelman et al.,
Bayesian Data Analysis, 3rd ed., section 2.6). Rates by age are learnt slowly, since few spells
reach each age. One scale for all ages is learnt soon, if it is known how age matters: not at all,
half as much as usual, or as usual. All four views are averaged by how likely they made what was
seen (Hoeting et al., Bayesian Model Averaging, Statistical Science 14, 1999). With several zones
only the free rates are used: there the views cost more on recorded markets.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

AGES = (0.0, 0.2, 0.75, 2.5, 8.0)  # hours at which an age class begins
CLASSES = len(AGES)
# Changes per hour by age, of spot held and of spot gone: means over 19 AWS and GCP series of
# 2022 to 2025 and 4 synthetic ones.
HELD = (1.7, 0.9, 0.45, 0.2, 0.08)
GONE = (2.0, 1.0, 0.45, 0.2, 0.06)
FOUND = 0.75  # hours: age of a spell that was met and not seen to begin, 0.4 changes per hour
WEIGHT = 1.5  # changes in each class that the prior counts as
MIDDLE = 2  # class whose prior stands for all ages
# How far age has an effect, as a power of the usual one, and the odds of that against rates that
# are free at each age, before anything was seen: none at all is as likely as some.
EFFECTS = ((0.0, 3.0), (0.5, 1.0), (1.0, 1.0))
ANY_AGE = 1.0  # changes at all ages that the prior of their scale counts as
MEMORY = 96.0  # hours after which what was seen counts 1/e


def age_class(age: float) -> int:
    """Return the index of the class that an age in hours belongs to."""
    return bisect_right(AGES, age + 1e-9) - 1


class _Spells:
    """What was seen of one side: spot held, or spot gone."""

    def __init__(self, prior: tuple[float, ...]) -> None:
        self.prior = prior
        self.shapes = [[(rate / prior[MIDDLE]) ** power for rate in prior] for power, _ in EFFECTS]
        self.changes, self.hours = [0.0] * CLASSES, [0.0] * CLASSES
        self._rates: list[float] | None = None  # until something more is seen

    def add(self, at: int, hours: float, *, changed: bool) -> None:
        self.hours[at] += hours
        self.changes[at] += changed
        self._rates = None

    def forget(self, keep: float) -> None:
        self.changes = [keep * value for value in self.changes]
        self.hours = [keep * value for value in self.hours]
        self._rates = None

    def rates(self, alone: bool) -> list[float]:
        if not alone:
            return self._free()[1]
        if self._rates is None:
            views = [self._free(), *map(self._scaled, self.shapes, (odds for _, odds in EFFECTS))]
            most = max(evidence for evidence, _ in views)
            shares = [math.exp(evidence - most) for evidence, _ in views]
            by_age = zip(*(rates for _, rates in views), strict=True)
            self._rates = [_sum(shares, rates) / sum(shares) for rates in by_age]
        return self._rates

    def _free(self) -> tuple[float, list[float]]:
        """Return the evidence for rates that are free at each age, and the rates then."""
        seen = list(zip(self.prior, self.changes, self.hours, strict=True))
        rates = [(WEIGHT + changes) / (WEIGHT / rate + hours) for rate, changes, hours in seen]
        return sum(_evidence(WEIGHT, *each) for each in seen), rates

    def _scaled(self, shape: list[float], odds: float) -> tuple[float, list[float]]:
        """Return the same for rates of this ``shape``, of which the scale is to be learnt."""
        usual, changes = self.prior[MIDDLE], sum(self.changes)
        hours = _sum(shape, self.hours)
        evidence = math.log(odds) + _evidence(ANY_AGE, usual, changes, hours)
        evidence += _sum(self.changes, [math.log(each) for each in shape])
        scale = (ANY_AGE + changes) / (ANY_AGE / usual + hours)
        return evidence, [scale * each for each in shape]

    def pooled(self, starts: tuple[int, ...], now: int | None, *, alone: bool) -> tuple[float, ...]:
        """Return the rates with classes taken together, half as it is on the way ``now``."""
        fine, found = self.rates(alone), []
        for start, end in pairwise((*starts, CLASSES)):
            part = range(start, end)
            hours = [WEIGHT / self.prior[at] + self.hours[at] for at in part]
            rate = _sum(fine[start:end], hours) / sum(hours)
            if now is not None and now in part:
                rate = math.sqrt(rate * fine[now])
            found.append(rate)
        return tuple(found)

    def mean(self) -> float:
        return (WEIGHT + sum(self.changes)) / (WEIGHT / self.prior[MIDDLE] + sum(self.hours))


def _sum(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def _evidence(weight: float, rate: float, changes: float, hours: float) -> float:
    """Return the logarithm of how likely so many changes were, up to what all views share."""
    prior, shape = weight / rate, weight + changes
    return (
        weight * math.log(prior)
        - math.lgamma(weight)
        + math.lgamma(shape)
        - shape * math.log(prior + hours)
    )


class Lives:
    """What is known of one zone, or of several taken as one."""

    def __init__(self) -> None:
        self.up: bool | None = None  # None until the first look
        self.alone = True  # no other zone is counted on: all views of what age does, else one
        self.age = FOUND  # hours that it has been so
        self._held, self._gone = _Spells(HELD), _Spells(GONE)

    def see(self, up: bool, after: float) -> None:
        """Take in the state that holds now, ``after`` hours since the last look."""
        if self.up is None:
            self.up = up
            return
        keep = math.exp(-after / MEMORY)
        self._held.forget(keep)
        self._gone.forget(keep)
        spells, at = self._held if self.up else self._gone, age_class(self.age)
        spells.add(at, after, changed=up != self.up)
        self.up, self.age = up, self.age + after if up == self.up else 0.0

    def pooled(self, starts: tuple[int, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the losses per hour held and the returns per hour gone, from ages on.

        Where ages are taken together, that of the spell that runs counts half (geometric mean).
        """
        held, gone = (age_class(self.age) if self.up is side else None for side in (True, False))
        return (
            self._held.pooled(starts, held, alone=self.alone),
            self._gone.pooled(starts, gone, alone=self.alone),
        )

    def rate(self, up: bool, age: float) -> float:
        """Return the changes per hour to expect of a spell of some age."""
        return (self._held if up else self._gone).rates(self.alone)[age_class(age)]

    def interruptions_per_hour(self) -> float:
        """Return how often a machine held is lost, whatever its age."""
        return self._held.mean()

    def share(self, hours: float) -> float:
        """Return the share of the next hours in which spot is expected to be there.

        From the state that holds now to the long run, at the rate at which that state ends.
        """
        usual = self.availability()
        if self.up is None:
            return usual
        fading = max(self.rate(self.up, self.age) * hours, 1e-9)
        now = 1.0 if self.up else 0.0
        return usual + (now - usual) * -math.expm1(-fading) / fading

    def availability(self) -> float:
        """Return the share of time in which spot is there."""
        lost, found = self._held.mean(), self._gone.mean()
        return found / (lost + found)
