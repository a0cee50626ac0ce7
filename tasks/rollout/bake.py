"""The last look: after 100 percent there is nothing to compare with, only a limit."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import beta

from blocks.contracts import VariantTick

CERTAINTY = 0.999


def too_many_errors(ticks: Sequence[VariantTick], *, limit: float) -> str:
    """Return why green must go, or "" while its errors may be under the limit.

    The lower end of the exact interval (Clopper and Pearson, Biometrika 1934) must exceed it.
    """
    requests = sum(tick.requests for tick in ticks)
    errors = sum(tick.errors for tick in ticks)
    if not errors:
        return ""
    low = float(beta.ppf(1 - CERTAINTY, errors, requests - errors + 1))
    if low <= limit:
        return ""
    return f"{errors} of {requests} requests failed at 100 %, the limit is {limit:.0%}"
