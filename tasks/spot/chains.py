"""A zone as a Markov chain of spot held and spot gone, by age; several as their product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from tasks.spot.lives import AGES, Lives, age_class

Array = NDArray[np.float64]
# The age classes at which a state begins: as fine as what is learnt, young and old, or no ages.
FINE, COARSE, PLAIN = (0, 1, 2, 3, 4), (0, 2), (0,)
APART = 0.25  # of a logarithm of a rate, from which on two chains are not near each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The changes of one zone: states of spot held by age, then those of spot gone."""

    starts: tuple[int, ...]
    losses: tuple[float, ...]  # per hour, by state of spot held
    returns: tuple[float, ...]  # per hour, by state of spot gone

    @property
    def states(self) -> int:
        """How many there are."""
        return 2 * len(self.starts)

    def near(self, other: Chain) -> bool:
        """Whether what was solved for one will do for the other."""
        mine, theirs = (*self.losses, *self.returns), (*other.losses, *other.returns)
        return self.starts == other.starts and all(
            abs(math.log(a / b)) < APART for a, b in zip(mine, theirs, strict=True)
        )

    def transitions(self, hours: float) -> tuple[Array, Array]:
        """Return those over ``hours``, and those of a spot machine that is not lost in them."""
        n = len(self.starts)
        rates = np.zeros((2 * n, 2 * n))
        for side, other, changes in ((0, n, self.losses), (n, 0, self.returns)):
            for i, change in enumerate(changes):
                rates[side + i, other] += change
                if i + 1 < n:
                    ages = AGES[self.starts[i + 1]] - AGES[self.starts[i]]
                    rates[side + i, side + i + 1] += 1 / ages
        np.fill_diagonal(rates, rates.diagonal() - rates.sum(axis=1))
        held = np.zeros_like(rates)
        held[:n, :n] = expm(rates[:n, :n] * hours)
        return expm(rates * hours), held

    def next(self, lives: Lives, up: bool, step: float) -> tuple[Array, Array]:
        """Return the chances of each state after a step: with no change in it, and after one.

        It is ``up`` now; what was seen last may have been otherwise.
        """
        age = 0.0 if lives.up is (not up) else lives.age
        turns = -math.expm1(-lives.rate(up, age) * step)
        stays, turned = np.zeros(self.states), np.zeros(self.states)
        stays[self._state(up, age + step)] = 1 - turns
        turned[self._state(not up, 0.0)] = turns
        return stays, turned

    def _state(self, up: bool, age: float) -> int:
        at = age_class(age)
        young = sum(start <= at for start in self.starts) - 1
        return young if up else len(self.starts) + young


def chain(lives: Lives, starts: tuple[int, ...]) -> Chain:
    """Return a zone as it is expected to change, its ages taken together from ``starts`` on."""
    losses, returns = lives.pooled(starts)
    return Chain(starts=starts, losses=losses, returns=returns)


def product(parts: Sequence[Array]) -> Array:
    """Return the Kronecker product of the zones' matrices, or of their chances."""
    whole, *others = parts
    for part in others:
        whole = np.asarray(np.kron(whole, part), dtype=np.float64)
    return whole


def levels(count: int, room: int) -> list[tuple[int, ...]]:
    """Return how finely each of ``count`` zones is seen in ``room`` states, the first ones most."""
    found: list[tuple[int, ...]] = [PLAIN] * count
    for level in (COARSE, FINE):
        for index in range(count):
            finer = [*found[:index], level, *found[index + 1 :]]
            if math.prod(2 * len(starts) for starts in finer) <= room:
                found = finer
    return found
