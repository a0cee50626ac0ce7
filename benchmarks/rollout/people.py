"""Users who come back: most are fine, a few see errors again and again, whoever answers them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

PEOPLE = 500  # at 50 requests a second
TROUBLED, TROUBLE = 0.02, 25.0  # share of them, and how many times as many errors they see


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Who asked one variant, tick by tick."""

    users: Counts  # (ticks,)
    erring: tuple[tuple[int, ...], ...]  # their numbers


def visits(
    users: Counts, share: Floats, rate: Floats, random: np.random.Generator
) -> tuple[Visits, Visits]:
    """Return visits of blue and of green: about so many users a tick, at an error rate of each.

    A user is green's while a number drawn once is below the share.
    """
    people = int(PEOPLE * users.mean() / 50)
    draw, troubled = random.random(people), random.random(people) < TROUBLED
    times = np.where(troubled, TROUBLE, 1) / (1 + TROUBLED * (TROUBLE - 1))
    here = random.random((len(users), people)) < users[:, None] / people
    failing = here & (random.random(here.shape) < rate[:, None] * times)
    mine = draw < share[:, None]
    return _visits(here & ~mine, failing & ~mine), _visits(here & mine, failing & mine)


def _visits(here: NDArray[np.bool_], failing: NDArray[np.bool_]) -> Visits:
    return Visits(
        users=here.sum(axis=1),
        erring=tuple(tuple(np.flatnonzero(each).tolist()) for each in failing),
    )
