"""How long spot is held and how long it is gone, learnt from what was seen.

Lifetimes are heavy-tailed: an old spell is safe, a young one is not. So the rate of change is
estimated by age, piecewise constant, each as the mean of a Gamma posterior (Gelman et al.,
Bayesian Data Analysis, 3rd ed., section 2.6).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

AGES = (0.0, 0.2, 0.75, 2.5, 8.0)  # hours at which an age class begins
CLASSES = len(AGES)
# Changes per hour by age, of spot held and of spot gone: means over 19 AWS and GCP series of
# 2022 to 2025 and 4 synthetic ones.
HELD = (1.7, 0.9, 0.45, 0.2, 0.08)
GONE = (2.0, 1.0, 0.45, 0.2, 0.06)
FOUND = 0.75  # hours: age of a spell that was met and not seen to begin, 0.4 changes per hour
WEIGHT = 1.5  # changes in each class that the prior counts as
MEMORY = 96.0  # hours after which what was seen counts 1/e


def age_class(age: float) -> int:
    """Return the index of the class that an age in hours belongs to."""
    return bisect_right(AGES, age + 1e-9) - 1


class _Spells:
    """What was seen of one side: spot held, or spot gone."""

    def __init__(self, prior: tuple[float, ...]) -> None:
        self.prior = prior
        self.changes, self.hours = [0.0] * CLASSES, [0.0] * CLASSES

    def forget(self, keep: float) -> None:
        self.changes = [keep * value for value in self.changes]
        self.hours = [keep * value for value in self.hours]

    def rates(self) -> list[float]:
        return [
            (WEIGHT + seen) / (WEIGHT / prior + hours)
            for prior, seen, hours in zip(self.prior, self.changes, self.hours, strict=True)
        ]

    def pooled(self, starts: tuple[int, ...], now: int | None) -> tuple[float, ...]:
        """Return the rates with classes taken together, half as it is on the way ``now``."""
        fine, found = self.rates(), []
        for start, end in pairwise((*starts, CLASSES)):
            part = range(start, end)
            changes = sum(WEIGHT + self.changes[at] for at in part)
            hours = sum(WEIGHT / self.prior[at] + self.hours[at] for at in part)
            rate = changes / hours
            if now is not None and now in part:
                rate = math.sqrt(rate * fine[now])
            found.append(rate)
        return tuple(found)

    def mean(self) -> float:
        return (WEIGHT + sum(self.changes)) / (WEIGHT / self.prior[2] + sum(self.hours))


class Lives:
    """What is known of one zone, or of several taken as one."""

    def __init__(self) -> None:
        self.up: bool | None = None  # None until the first look
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
        spells.hours[at] += after
        if up == self.up:
            self.age += after
            return
        spells.changes[at] += 1.0
        self.up, self.age = up, 0.0

    def pooled(self, starts: tuple[int, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the losses per hour held and the returns per hour gone, from ages on.

        Where ages are taken together, that of the spell that runs counts half (geometric mean).
        """
        held, gone = (age_class(self.age) if self.up is side else None for side in (True, False))
        return self._held.pooled(starts, held), self._gone.pooled(starts, gone)

    def rate(self, up: bool, age: float) -> float:
        """Return the changes per hour to expect of a spell of some age."""
        return (self._held if up else self._gone).rates()[age_class(age)]

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
