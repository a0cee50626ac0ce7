"""Go on, return, or keep looking: what the ticks of blue and green say, at every look.

Pure: no Prefect, no provider. Feed ticks in order; the state has a fixed size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from pydantic import Field

from blocks.contracts import LATENCY_RATIO, Frozen, VariantTick
from tasks.rollout.evidence import EFFECTS, GENTLE, Bets, Certificate, Floats, Rarity, Ratios
from tasks.rollout.history import LatencyHistory, PredictionHistory

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
DECILES = 10
WEIGHTS = {"errors": 0.35, "latency": 0.35, "predictions": 0.2, "outcomes": 0.1}


class VerdictRules(Frozen):
    """What counts as worse, and how sure to be."""

    alpha: float = Field(
        default=0.05, gt=0, lt=0.5, description="Chance of returning a version that is no worse."
    )
    margin: float = Field(
        default=0.05, ge=0, le=1, description="Growth of errors and latency that is accepted."
    )
    largest_ratio: float = Field(
        default=1.5,
        gt=1,
        le=10,
        description="Ratio that the new version must be shown to be under.",
    )
    harmless_error_rate: float = Field(
        default=0.005, gt=0, lt=1, description="Error rate that is good enough without comparison."
    )
    prediction_tolerance: float = Field(
        default=0.5, ge=0, le=10, description="Growth of a tenth of the predictions accepted."
    )
    predictions: bool = Field(default=True, description="Compare what is predicted, too.")
    outcomes: Mapping[str, bool] = Field(
        default={}, description="Business events, and whether more of them is good."
    )
    warm_up: timedelta = Field(
        default=timedelta(seconds=90),
        description="Time after the first request that is not judged.",
    )


class Decision(StrEnum):
    """What to do now."""

    GO_ON = "go on"
    RETURN = "return"
    KEEP_LOOKING = "keep looking"


class Finding(Frozen):
    """What is known of one metric."""

    metric: str
    ratio: float  # of green's rate to blue's
    low: float  # anytime-valid confidence sequence of the ratio
    high: float
    margin: float  # accepted growth
    evidence: float  # against green, alone; 1 = none


class Verdict(Frozen):
    """What the evidence says now, and why."""

    decision: Decision
    evidence: float  # of all metrics together; green returns when it reaches the threshold
    threshold: float
    certified: float  # share of the way to "shown not worse", 0..1
    blue_requests: int
    green_requests: int
    share: float  # green's observed share
    findings: tuple[Finding, ...]

    def explain(self) -> str:
        """Return the verdict as a sentence."""
        seen = f"{self.green_requests:,} requests on green, {self.blue_requests:,} on blue"
        if not self.green_requests or not self.blue_requests:
            return f"{self.decision}: nothing to compare yet ({seen})"
        worst = max(self.findings, key=lambda each: each.evidence)
        told = (
            f"{worst.metric} is {worst.ratio:.2f} times blue's (between {worst.low:.2f} and "
            f"{worst.high:.2f}, accepted {1 + worst.margin:.2f})"
        )
        return (
            f"{self.decision}: {told}; evidence {self.evidence:.1f} of {self.threshold:.0f}, "
            f"shown not worse to {self.certified:.0%}; {seen}"
        )


class Judge:
    """Folds ticks into evidence. Both variants' ticks of the same time are added together."""

    def __init__(self, rules: VerdictRules) -> None:
        self.rules = rules
        names = ["errors", *(f"latency over p{100 * q:g}" for q in QUANTILES)]
        self._outcomes = list(rules.outcomes)
        self._names = names + self._outcomes
        accepted = [1 + rules.margin] + [1.0] * len(QUANTILES)
        accepted += [1 + rules.margin] * len(self._outcomes)
        effects = np.vstack([EFFECTS, *_latency_effects(), *([GENTLE] * len(self._outcomes))])
        self._bets = Bets(np.array(accepted), effects)
        self._ratios = Ratios(len(self._names))
        tolerance = np.full(2 * DECILES, 1 + rules.prediction_tolerance)
        self._predicted = Bets(tolerance, np.vstack([GENTLE] * 2 * DECILES))
        self._errors = Certificate(rules.largest_ratio)
        self._tail = Certificate(rules.largest_ratio)
        self._rare = Rarity(rules.harmless_error_rate)
        self._latency = LatencyHistory(
            QUANTILES, shift=math.ceil(math.log(1 + rules.margin) / math.log(LATENCY_RATIO) - 1e-9)
        )
        self._history = PredictionHistory(DECILES)
        self._first: datetime | None = None
        self._minute = 0
        self._blue = self._green = 0

    def add(self, blue: VariantTick | None, green: VariantTick | None) -> None:
        """Take in what both did in one tick. A tick that one of them lacks compares nothing."""
        if blue is not None and green is not None and blue.requests and green.requests:
            if self._first is None:
                self._first = green.start
            if green.start - self._first >= self.rules.warm_up:
                self._compare(blue, green)
        if blue is not None:
            self._latency.learn(blue)
            self._history.learn(blue)

    def verdict(self) -> Verdict:
        """Say what the evidence is now. Looking often costs nothing."""
        logs = self._bets.log_evidence()
        predicted = self._predicted.log_evidence()
        evidence = math.exp(min(self._together(logs, predicted), 700.0))
        threshold = 1 / self.rules.alpha
        errors = max(self._errors.log_evidence(), self._rare.log_evidence())
        certified = min(errors, self._tail.log_evidence()) / math.log(threshold)
        decision = Decision.KEEP_LOOKING
        if evidence >= threshold:
            decision = Decision.RETURN
        elif certified >= 1:
            decision = Decision.GO_ON
        seen = self._blue + self._green
        return Verdict(
            decision=decision,
            evidence=evidence,
            threshold=threshold,
            certified=min(max(certified, 0.0), 1.0),
            blue_requests=self._blue,
            green_requests=self._green,
            share=self._green / seen if seen else 0.0,
            findings=self._findings(logs, predicted),
        )

    def _compare(self, blue: VariantTick, green: VariantTick) -> None:
        self._blue += blue.requests
        self._green += green.requests
        while self._first is not None and self._minute < _minutes(self._first, green.start):
            self._minute += 1
            self._bets.minute()
            self._predicted.minute()
        share = green.requests / (green.requests + blue.requests)
        errors = _errors(blue, green)
        slow_blue, slow_green = self._latency.exceed(blue, green)
        good = [self.rules.outcomes[name] for name in self._outcomes]
        # fewer of a good thing is more of its absence
        lost_blue = [
            _without(blue, name, more) for name, more in zip(self._outcomes, good, strict=True)
        ]
        lost_green = [
            _without(green, name, more) for name, more in zip(self._outcomes, good, strict=True)
        ]
        counts_green = np.array([errors[1], *slow_green, *lost_green])
        counts_blue = np.array([errors[0], *slow_blue, *lost_blue])
        shares = np.full(len(self._names), share)
        shares[0] = errors[2]
        self._bets.settle(counts_green, counts_blue, shares)
        self._ratios.settle(counts_green, counts_blue, shares)
        self._errors.settle(errors[1], errors[0], errors[2])
        self._rare.settle(min(green.errors, green.requests), green.requests)
        tail = QUANTILES.index(0.95)
        self._tail.settle(slow_green[tail], slow_blue[tail], share)
        if self.rules.predictions:
            self._compare_predictions(blue, green)

    def _compare_predictions(self, blue: VariantTick, green: VariantTick) -> None:
        """Bet that a tenth of blue's predictions grows or shrinks on green.

        The rows of one request are alike, so a request counts once, however many rows it has:
        a power below one of a bet is still fair (Jensen).
        """
        found = self._history.tenths(blue, green)
        if found is None:
            return
        of_blue, of_green = found
        share = of_green.sum() / (of_green.sum() + of_blue.sum())
        up = np.full(DECILES, share)
        # shrinking on green is growing on blue: the same bet with the roles exchanged
        self._predicted.settle(
            np.concatenate([of_green, of_blue]),
            np.concatenate([of_blue, of_green]),
            np.concatenate([up, 1 - up]),
        )

    def _together(self, logs: Floats, predicted: Floats) -> float:
        """Return the logarithm of the weighted mean of all evidence."""
        latency, outcomes = logs[1 : 1 + len(QUANTILES)], logs[1 + len(QUANTILES) :]
        parts = {"errors": logs[:1], "latency": latency}
        if self.rules.predictions:
            parts["predictions"] = predicted
        if len(outcomes):
            parts["outcomes"] = outcomes
        total = sum(WEIGHTS[name] for name in parts)
        return float(
            np.logaddexp.reduce(
                [
                    np.logaddexp.reduce(part) + math.log(WEIGHTS[name] / total / len(part))
                    for name, part in parts.items()
                ]
            )
        )

    def _findings(self, logs: Floats, predicted: Floats) -> tuple[Finding, ...]:
        found = []
        for kind, name in enumerate(self._names):
            ratio, low, high = self._ratios.interval(kind, self.rules.alpha)
            found.append(
                Finding(
                    metric=f"loss of {name}" if self.rules.outcomes.get(name) else name,
                    ratio=ratio,
                    low=low,
                    high=high,
                    margin=0.0 if name.startswith("latency") else self.rules.margin,
                    evidence=math.exp(min(float(logs[kind]), 700.0)),
                )
            )
        if self.rules.predictions:
            kind = int(np.argmax(predicted))
            ratio = self._history.ratio(kind % DECILES)
            found.append(
                Finding(
                    metric=f"predictions in blue's tenth {kind % DECILES + 1}",
                    ratio=ratio,
                    low=0.0,
                    high=math.inf,
                    margin=self.rules.prediction_tolerance,
                    evidence=math.exp(min(float(predicted[kind]), 700.0)),
                )
            )
        return tuple(found)


def _latency_effects() -> Sequence[Floats]:
    """The share over the median can at most double; the share over p99 can grow a hundredfold."""
    return [
        np.minimum(EFFECTS, 1 + 0.8 * (1 / (1 - q) - 1)) if q < 0.99 else EFFECTS for q in QUANTILES
    ]


def _minutes(first: datetime, now: datetime) -> int:
    return int((now - first).total_seconds() // 60)


def _errors(blue: VariantTick, green: VariantTick) -> tuple[float, float, float]:
    """Return errors of blue and green and green's share; users, where they stay on a variant.

    A user with trouble makes many errors: they are one event.
    """
    if blue.users and green.users:
        share = green.users / (green.users + blue.users)
        return float(blue.erring_users), float(green.erring_users), share
    share = green.requests / (green.requests + blue.requests)
    return float(blue.errors), float(green.errors), share


def _without(tick: VariantTick, name: str, more_is_good: bool) -> float:
    events = tick.outcomes.get(name, 0)
    return float(max(tick.requests - events, 0) if more_is_good else events)
