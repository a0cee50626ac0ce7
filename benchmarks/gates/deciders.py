"""Ours, and the rules that others judge slices by. Each returns names that fail and that pass.

The rules of others are rebuilt: a change threshold on the estimate itself is what TensorFlow Model
Analysis and Evidently's tests do; a test for each slice is what one writes with DeLong's formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from benchmarks.gates.worlds import MARGIN
from tasks.evaluation.gates import Answer, Rule, Sample, compare
from tasks.evaluation.metrics import Metric, Undefined, measure
from tasks.evaluation.uncertainty import spread

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Which slices fail, and which are let pass."""

    failed: frozenset[str]
    passed: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a rule of others looks at: the gain of a slice, and its standard error."""

    name: str
    gain: float
    error: float


def ours(samples: Sequence[Sample]) -> Found:
    """Judge by ``tasks.evaluation.gates``."""
    gates = compare(samples, Rule(margin=MARGIN, alpha=ALPHA))
    return Found(
        failed=frozenset(gate.name for gate in gates if gate.answer is Answer.FAIL),
        passed=frozenset(gate.name for gate in gates if gate.answer is Answer.PASS),
    )


def look(samples: Sequence[Sample]) -> list[Seen]:
    """Return gain and error of every slice that has rows of both classes."""
    found = []
    for sample in samples:
        scores = np.vstack([sample.champion, sample.challenger])
        try:
            one = measure(Metric.ROC_AUC, sample.truth, scores)
        except Undefined:
            continue
        error = spread(one.shares[1] - one.shares[0], one.strata).error
        found.append(Seen(name=sample.name, gain=float(np.diff(one.found)[0]), error=error))
    return found


def _estimate(allowed: float) -> Callable[[Sequence[Seen]], frozenset[str]]:
    return lambda seen: frozenset(each.name for each in seen if each.gain < -allowed)


def _tested(margin: float, *, shared: bool) -> Callable[[Sequence[Seen]], frozenset[str]]:
    def failed(seen: Sequence[Seen]) -> frozenset[str]:
        limit = ALPHA / len(seen) if shared else ALPHA
        return frozenset(each.name for each in seen if _chance(each, margin) <= limit)

    return failed


def _chance(seen: Seen, margin: float) -> float:
    if seen.error == 0:
        return float(seen.gain >= -margin)
    return float(norm.cdf((seen.gain + margin) / seen.error))


OTHERS: Mapping[str, Callable[[Sequence[Seen]], frozenset[str]]] = {
    "no slice below the champion": _estimate(0.0),
    "no slice below by more than the margin": _estimate(MARGIN),
    "DeLong 5 % in each slice": _tested(0.0, shared=False),
    "DeLong, Bonferroni": _tested(0.0, shared=True),
    "DeLong against the margin, Bonferroni": _tested(MARGIN, shared=True),
}
