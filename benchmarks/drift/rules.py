"""The rules by which drift is usually called, as their documentation has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.stats import kstwobign

from tasks.drift.distances import shares
from tasks.drift.histogram import MIDDLES, Histogram
from tasks.drift.profile import Profile
from tasks.drift.table import ColumnDrift

Table = Sequence[ColumnDrift]
Rule = Callable[[Profile, Table], set[str]]


def p_values(level: float, *, bonferroni: bool = False) -> Rule:
    """Kolmogorov-Smirnov for numbers, chi-square for categories (whylogs; alibi-detect)."""

    def rule(reference: Profile, table: Table) -> set[str]:
        limit = level / len(table) if bonferroni else level
        return {each.column for each in table if _p_value(reference, each) < limit}

    return rule


def stability(limit: float) -> Rule:
    """Population stability index above a limit: .1 or .2."""

    def rule(_: Profile, table: Table) -> set[str]:
        return {each.column for each in table if (each.psi or 0) > limit}

    return rule


def evidently(reference: Profile, table: Table) -> set[str]:
    """Evidently's defaults: p < .05 up to 1,000 rows, else normed Wasserstein or JS from .1."""
    if reference.rows <= 1000:
        return p_values(0.05)(reference, table)
    found = set()
    for each in table:
        column = reference.columns[each.column]
        if isinstance(column, Histogram):
            p, values = shares(column.counts), MIDDLES[column.keys]
            deviation = np.sqrt((p * values**2).sum() - (p * values).sum() ** 2)
            distance = (each.wasserstein or 0) / deviation
        else:
            distance = each.jensen_shannon or 0
        found |= {each.column} if distance >= 0.1 else set()
    return found


def largest_change(_: Profile, table: Table) -> set[str]:
    """SageMaker Model Monitor's default: the L-infinity distance above .1."""
    return {each.column for each in table if (each.largest_change or each.ks or 0) > 0.1}


RULES: Mapping[str, Rule] = {
    "KS / chi-square p < .05": p_values(0.05),
    "the same, Bonferroni": p_values(0.05, bonferroni=True),
    "Evidently's defaults": evidently,
    "PSI > .1": stability(0.1),
    "PSI > .2": stability(0.2),
    "L-infinity > .1": largest_change,
}


def _p_value(reference: Profile, drift: ColumnDrift) -> float:
    if drift.ks is None:
        return 1.0 if drift.chi_square_p is None else drift.chi_square_p
    effective = 1 / (1 / reference.columns[drift.column].values + 1 / drift.rows)
    return float(kstwobign.sf(drift.ks * np.sqrt(effective)))
