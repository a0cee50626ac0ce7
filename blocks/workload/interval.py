"""How often to save: seldom enough to be cheap, often enough to lose little."""

from __future__ import annotations

import math

UNKNOWN_RATE = 1 / 8  # interruptions per hour, where nobody knows better
UNKNOWN_SAVE = 1.0  # seconds, until a save has been measured


def best_interval(save_seconds: float, seconds_between_interruptions: float) -> float:
    """Return the seconds of work between two saves that lose the least time.

    Young's first-order optimum with Daly's higher-order terms (J. T. Daly, "A higher order
    estimate of the optimum checkpoint interval for restart dumps", FGCS 22, 2006, eq. 37).
    """
    save, between = save_seconds, seconds_between_interruptions
    if save >= 2 * between:
        return between
    half = save / (2 * between)
    return math.sqrt(2 * save * between) * (1 + math.sqrt(half) / 3 + half / 9) - save
