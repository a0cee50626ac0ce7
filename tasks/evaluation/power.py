"""How many rows an answer takes. They are planned for by the rows that are there."""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from tasks.evaluation.uncertainty import Spread

MOST = 10**12  # rows; nobody waits for more


def chance_to_pass(spread: Spread, *, margin: float, alpha: float) -> float:
    """Return the chance that a model that is equally good is shown to lose less than ``margin``."""
    if spread.cautious == 0:
        return 1.0
    return float(ndtr((margin - spread.reach(alpha)) / spread.cautious))


def rows_needed(
    spread: Spread, rows: int, *, distance: float, alpha: float, power: float
) -> int | None:
    """Return the rows, in all, that tell with that power a gain ``distance`` from the limit.

    By the normal approximation (Julious, Statistics in Medicine 23, 2004, section 5), with the
    error of ``rows`` rows that are there. None if no number of rows does.
    """
    if distance <= 0:
        return None
    wanted = distance / float(ndtri(1 - alpha) + ndtri(power))
    needed = rows * spread.growth_to(wanted)
    return math.ceil(needed) if needed < MOST else None
