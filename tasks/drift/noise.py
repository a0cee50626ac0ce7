"""How large a change is without any drift: what so many rows bring, and what batches bring.

A squared distance D^2 of n rows has a part from sampling, which is found by drawing n rows from
the reference itself, and a part w^2 from how batches differ, which is what is left of the distances
of the batches from each other. Its distribution is taken for a scaled chi-square with the same mean
and variance (Satterthwaite, Biometrics Bulletin 2, 1946), made normal by the cube root (Wilson and
Hilferty, PNAS 17, 1931). So batches of one size judge windows of another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.drift.histogram import Floats

DRAWS = 300
TINY = 1e-30

Distances = Callable[[Floats], Floats]  # shares (draws, bins) -> distances (kinds, draws)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Mean and variance of squared distances (kinds,) that sampling alone brings."""

    mean: Floats
    variance: Floats


def sampling(shares: Floats, rows: float, distances: Distances, seed: int = 0) -> Sampling:
    """Draw ``rows`` from the reference again and again, and look how far they are from it.

    A reference without rows brings nothing.
    """
    if not np.isfinite(shares).all():
        nothing = np.zeros_like(distances(shares))
        return Sampling(mean=nothing, variance=nothing)
    size = max(1, round(rows))
    drawn = np.random.default_rng(seed).multinomial(size, shares, size=DRAWS) / size
    squared = distances(drawn) ** 2
    return Sampling(mean=squared.mean(axis=-1), variance=squared.var(axis=-1))


def surprise(squared: Floats, noise: Sampling, usual: Floats) -> Floats:
    """Return squared distances as normal scores: about 3 is rare, if there is no drift.

    Shapes are those of ``squared``; ``usual`` is w^2.
    """
    mean = noise.mean + usual
    # Sampling noise along the direction in which a batch moved adds to its distance, too.
    along = 2 * usual * noise.variance / np.maximum(noise.mean, TINY)
    variance = noise.variance + along + 2 * usual**2
    spread = np.clip(variance / np.maximum(mean, TINY) ** 2 / 9, 1e-6, 4)  # 2 / (9 freedom)
    ratio = squared / np.maximum(mean, TINY)
    score = (np.cbrt(ratio) - (1 - spread)) / np.sqrt(spread)
    result: Floats = np.where(mean > TINY, score, np.where(squared > 0, np.inf, -np.inf))
    return result


def wobble(excess: Floats, errors: Floats) -> Floats:
    """Return w^2 from the excess of squared distances over sampling, one row for each batch.

    One standard error is added: what cannot be told from sampling must not be taken for nothing.
    """
    count = len(excess)
    error = np.sqrt(errors.sum(axis=0)) / count
    found: Floats = np.maximum(excess.mean(axis=0) + error, 0)
    return found


def wobble_of_others(excess: Floats, errors: Floats) -> Floats:
    """Return for each batch the w^2 that the other batches have."""
    others = len(excess) - 1
    error = np.sqrt(np.maximum(errors.sum(axis=0) - errors, 0)) / others
    found: Floats = np.maximum((excess.sum(axis=0) - excess) / others + error, 0)
    return found
