"""Pass, fail, or too few rows to tell: champion against challenger, overall and slice by slice.

PASS: shown to lose less than the margin (a non-inferiority test: Wellek, Testing Statistical
Hypotheses of Equivalence and Noninferiority, 2010). All have to pass by themselves, so this needs
no correction for their number.
FAIL: shown to be worse at all, with a chance of at most alpha that any of the gates judged together
says so wrongly (Holm, Scandinavian Journal of Statistics 6, 1979), *and* shown, by itself, to lose
more than the margin. The first keeps a good model from being blocked by one of many slices, the
second one that pays within the margin here for a gain elsewhere. Holm on the margin itself would
control more than anybody asks for, and be deaf (``benchmarks/gates``).
INCONCLUSIVE: neither, with the rows that are needed.

Of a quantity the gain is the share of the champion's mean error that is gone, as an error has a
unit. All levels are those of t tests: exact for many rows where what is compared has a variance.
Of such a ratio the error depends on what the ratio is: it is taken for the one that was found
(Cochran, Sampling Techniques, 1977, 6.4) and for the one that is tested (Fieller, Some problems in
interval estimation, JRSS B 16, 1954), and both must agree. Where challenger and champion err alike
up to a factor, what Fieller adds up is symmetric, however heavy the tails are: squared errors whose
squares have no variance keep their levels (measured: ``benchmarks/gates/LOSSES.md``). No test can
know of errors so rare that no row shows them (Bahadur and Savage, Annals of Mathematical
Statistics 27, 1956).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from blocks.contracts import Frozen
from tasks.evaluation.metrics import Floats, Integers, Measured, Metric, Undefined, measure
from tasks.evaluation.power import chance_to_pass, rows_needed
from tasks.evaluation.uncertainty import Spread, spread


class Answer(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105 - an answer
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Gate(Frozen):
    """One comparison, and what it says."""

    name: str
    answer: Answer
    rows: int
    champion: float | None = None  # the metric
    challenger: float | None = None
    gain: float | None = None  # what the challenger gains; a loss is negative for every metric
    low: float | None = None  # interval of the gain, each side at confidence 1 - alpha
    high: float | None = None
    margin: float
    power: float = 0.0  # chance that a model that is equally good passes on so many rows
    rows_needed: int | None = None  # in all, for an answer with the power of the rule
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """By what gates judge."""

    margin: float
    metric: Metric = Metric.ROC_AUC
    threshold: float = 0.5  # score from which a row counts as 1, for accuracy
    alpha: float = 0.05
    power: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The rows of one comparison: truth, champion's and challenger's scores, each (rows,).

    Of several classes scores are (rows, classes). Rows with the same number in ``clusters``
    (rows,) belong together.
    """

    name: str
    truth: np.ndarray
    champion: Floats
    challenger: Floats
    clusters: Integers | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    rows: int
    champion: float
    challenger: float
    gain: float
    spread: Spread  # of the gain that was found
    equal: Spread  # were there none
    edge: Spread  # were it the loss that is accepted

    def below_zero(self) -> float:
        """P-value against "the challenger is no worse"."""
        return max(self.spread.below(self.gain), self.equal.below(self.gain))

    def below_margin(self, margin: float) -> float:
        """P-value against "it loses no more than is accepted"."""
        gap = self.gain + margin
        return max(self.spread.below(gap), self.edge.below(gap))

    def low(self, alpha: float) -> float:
        """Return what it gains at least; exact where that is the margin."""
        return self.gain - max(self.spread.reach(alpha), self.edge.reach_below(alpha))

    def high(self, alpha: float) -> float:
        """Return what it gains at most; exact where that is nothing."""
        return self.gain + max(self.spread.reach(alpha), self.equal.reach(alpha))


def compare(
    samples: Sequence[Sample], rule: Rule, *, like: Sample | None = None
) -> tuple[Gate, ...]:
    """Judge all samples together; the answers keep their order.

    ``like`` is a larger sample: what one without enough rows of both classes needs is told by it.
    """
    compared = [_compare(sample, rule) for sample in samples]
    chances = [each.below_zero() for each in compared if each is not None]
    worse = iter(_holm(chances, rule.alpha))
    pattern = _compare(like, rule) if like is not None else None
    return tuple(
        _gate(sample.name, each, next(worse), rule)
        if each is not None
        else _untold(sample, pattern, rule)
        for sample, each in zip(samples, compared, strict=True)
    )


def _compare(sample: Sample, rule: Rule) -> _Compared | None:
    scores = np.stack([sample.champion, sample.challenger])
    try:
        found = measure(rule.metric, sample.truth, scores, threshold=rule.threshold)
    except Undefined:
        return None
    champion, challenger = (float(value) for value in found.found)
    if rule.metric.relative and champion == 0:
        return None
    gain = (challenger - champion) / (champion if rule.metric.relative else 1.0)
    own, equal, edge = _spreads(found, sample, rule)
    return _Compared(
        rows=len(sample.truth),
        champion=champion,
        challenger=challenger,
        gain=rule.metric.sign * gain,
        spread=own,
        equal=equal,
        edge=edge,
    )


def _spreads(found: Measured, sample: Sample, rule: Rule) -> tuple[Spread, Spread, Spread]:
    """Return the error of the gain: as it is found, were it nothing, and were it the margin lost.

    A difference has the same whatever it is. Of a ratio of losses each row adds its distance from
    it; skewness matters where losses have no largest value.
    """
    champion, challenger = found.shares
    if not rule.metric.relative:
        gains = rule.metric.sign * (challenger - champion)
        return (spread(gains, found.strata, sample.clusters),) * 3
    unit, ratios = found.found[0], (found.found[1] / found.found[0], 1.0, 1.0 + rule.margin)
    own, equal, edge = (
        spread((ratio * champion - challenger) / unit, found.strata, sample.clusters, skewed=True)
        for ratio in ratios
    )
    return own, equal, edge


def _holm(chances: Sequence[float], alpha: float) -> list[bool]:
    """Return which p-values are rejected by Holm's step-down procedure."""
    order = sorted(range(len(chances)), key=lambda index: chances[index])
    rejected = [False] * len(chances)
    for step, index in enumerate(order):
        if chances[index] > alpha / (len(chances) - step):
            break
        rejected[index] = True
    return rejected


def _gate(name: str, one: _Compared, worse: bool, rule: Rule) -> Gate:
    margin, low = rule.margin, one.low(rule.alpha)
    if worse and one.below_margin(margin) <= rule.alpha:
        answer, why = Answer.FAIL, f"worse by more than {margin:g}"
    elif low > -margin:
        answer, why = Answer.PASS, f"not worse by more than {margin:g}"
    elif worse:
        answer, why = Answer.INCONCLUSIVE, f"worse, perhaps by no more than {margin:g}"
    else:
        answer, why = Answer.INCONCLUSIVE, "too few rows to tell"
    return Gate(
        name=name,
        answer=answer,
        rows=one.rows,
        champion=one.champion,
        challenger=one.challenger,
        gain=one.gain,
        low=low,
        high=one.high(rule.alpha),
        margin=margin,
        power=chance_to_pass(one.edge, margin=margin, alpha=rule.alpha),
        rows_needed=_needed(one, rule, found=answer is Answer.INCONCLUSIVE),
        why=why,
    )


def _needed(one: _Compared, rule: Rule, *, found: bool) -> int | None:
    """Rows until an equally good model passes; if they are there, until the gain found tells."""
    equal = rows_needed(
        one.edge, one.rows, distance=rule.margin, alpha=rule.alpha, power=rule.power
    )
    if not found or equal is None or equal > one.rows:
        return equal
    distance = abs(one.gain + rule.margin)
    return rows_needed(one.edge, one.rows, distance=distance, alpha=rule.alpha, power=rule.power)


def _untold(sample: Sample, pattern: _Compared | None, rule: Rule) -> Gate:
    return Gate(
        name=sample.name,
        answer=Answer.INCONCLUSIVE,
        rows=len(sample.truth),
        margin=rule.margin,
        rows_needed=_needed(pattern, rule, found=False) if pattern else None,
        why=_few(rule.metric),
    )


def _few(metric: Metric) -> str:
    if metric.relative:
        return "it needs at least two rows, and a champion that errs"
    return "it needs at least two rows of each class"
