"""How the bets are spread over errors, latency, predictions and outcomes, and what each says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.rollout.evidence import EFFECTS, GENTLE, Bets, Floats, Labels
from tasks.rollout.history import CELLS, TENTHS
from tasks.rollout.ranks import ABOVE, Ranks
from tasks.rollout.verdict import Finding, VerdictRules

PARTS = {"errors": 0.5, "latency": 0.25, "predictions": 0.15, "outcomes": 0.1}
SIZE = len(EFFECTS)


class Purse:
    """All bets in one order: on labels, then on ranks of latencies.

    Labels: errors, outcomes, more in each cell of the predictions, fewer in each. ``turned`` tells
    for each whether less of it is worse.
    """

    def __init__(self, rules: VerdictRules) -> None:
        self._rules = rules
        good = list(rules.outcomes.values())
        cells = 2 * CELLS if rules.predictions else 0
        self.turned = np.array([False, *good] + [False] * (cells // 2) + [True] * (cells // 2))
        accepted = np.full(len(self.turned), 1 + rules.margin)
        accepted[1 + len(good) :] = 1 + rules.prediction_tolerance
        effects = np.vstack([EFFECTS, *([GENTLE] * (len(good) + cells))])
        self._labels = Labels(accepted, effects)
        self._ranked = SIZE * len(self.turned)
        self._bets = Bets(_prior(len(good), cells))

    def minute(self) -> None:
        """Place the bets of one more minute."""
        self._bets.minute()

    def settle(self, events: tuple[Floats, Floats, Floats], ranked: Floats | None) -> None:
        """Take in events by label (green's, blue's, green's share) and what bets on ranks won."""
        gains = np.zeros(self._ranked + Ranks.bets)
        gains[: self._ranked] = self._labels.gains(*events)
        if ranked is not None:
            gains[self._ranked :] = ranked
        self._bets.settle(gains)

    def log_evidence(self) -> float:
        """Return the logarithm of the evidence of all bets together."""
        return self._bets.log_evidence()

    def findings(self, ratios: Sequence[Sequence[float]]) -> tuple[Finding, ...]:
        """Return what is known of each metric: ratios (with low and high) come kind by kind."""
        margin, evidence = self._rules.margin, np.exp(self._evidence()).tolist()
        body, tail = evidence[-2:]
        found = [_finding("errors", ratios[0], margin, evidence[0])]
        for quantile, ratio, of in zip(
            ABOVE, ratios[1:], (body, (body + tail) / 2, tail), strict=False
        ):
            found.append(_finding(f"latency over p{100 * quantile:g}", ratio, 0.0, of))
        for place, (name, good) in enumerate(self._rules.outcomes.items(), start=1):
            ratio = ratios[place + len(ABOVE)]
            told, ratio = (f"fewer {name}", _turned(ratio)) if good else (name, ratio)
            found.append(_finding(told, ratio, margin, evidence[place]))
        if self._rules.predictions:
            found.append(self._predictions(ratios[-CELLS:], evidence[-2 - 2 * CELLS : -2]))
        return tuple(found)

    def _predictions(self, ratios: Sequence[Sequence[float]], evidence: Sequence[float]) -> Finding:
        """Return what is known of the cell that speaks most against green."""
        kind = max(range(2 * CELLS), key=lambda each: evidence[each])
        cell, fewer = kind % CELLS, kind >= CELLS
        return _finding(
            f"{'fewer' if fewer else 'more'} predictions {_place(cell)}",
            _turned(ratios[cell]) if fewer else ratios[cell],
            self._rules.prediction_tolerance,
            evidence[kind],
        )

    def _evidence(self) -> Floats:
        """Return the logarithms of the evidence: label by label, then the body and the tail."""
        labels = SIZE * np.arange(len(self.turned))
        ranks = self._ranked + np.array([Ranks.body.start, Ranks.tail.start])
        found = self._bets.log_evidence_by(np.concatenate([labels, ranks]))
        return np.minimum(found, 700.0)


def _finding(metric: str, ratio: Sequence[float], margin: float, evidence: float) -> Finding:
    middle, low, high = ratio
    return Finding(
        metric=metric, ratio=middle, low=low, high=high, margin=margin, evidence=evidence
    )


def _prior(outcomes: int, cells: int) -> Floats:
    parts = [(PARTS["errors"], SIZE)]
    parts += [(PARTS["outcomes"] / max(outcomes, 1), SIZE)] * outcomes
    parts += [(PARTS["predictions"] / max(cells, 1), SIZE)] * cells
    body, tail = Ranks.body.stop, Ranks.bets - Ranks.body.stop
    parts += [(PARTS["latency"] / 2, body), (PARTS["latency"] / 2, tail)]
    return np.concatenate([np.full(count, share / count) for share, count in parts])


def _place(cell: int) -> str:
    return f"in blue's tenth {cell + 1}" if cell < TENTHS else "that blue has never made"


def _turned(ratio: Sequence[float]) -> tuple[float, float, float]:
    return 1 / ratio[0], 1 / ratio[2], 1 / ratio[1]
