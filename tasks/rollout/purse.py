"""How the bets are spread over errors, latency, predictions and outcomes, and over time.

A purse of one: much of it is placed at the first moment, the rest minute by minute for regressions
that begin later. Mixtures of bets are bets, so all of it together is one supermartingale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasks.rollout.batches import Floats, Pair
from tasks.rollout.cells import CELLS, Cells, place_of
from tasks.rollout.evidence import CHANCES, EFFECTS, GENTLE, MILD, Stake
from tasks.rollout.ranks import ABOVE, Ranks
from tasks.rollout.verdict import Finding, VerdictRules

PARTS = {"errors": 0.54, "latency": 0.25, "predictions": 0.08, "outcomes": 0.13}
ONSET_MEAN = 25.0  # minutes; prior for when a regression that was not there at first begins
FIRST = 0.4  # share of the purse that is placed on a regression from the first moment on
STIRRED = 1.1  # of what was placed on latency, predictions and outcomes: then look closely
LARGEST = 1e300  # evidence that is told


class Purse:
    """All bets: on labels of errors and outcomes, on ranks of latencies, on cells of answers."""

    def __init__(self, rules: VerdictRules) -> None:
        self._rules = rules
        accepted, good = 1 + rules.margin, rules.outcomes
        self.errors = Stake([PARTS["errors"] * each for each in CHANCES], EFFECTS, accepted)
        each = [PARTS["outcomes"] / max(len(good), 1) * chance for chance in MILD]
        self.outcomes = [Stake(each, GENTLE, accepted) for _ in good]
        self.ranks = Ranks(PARTS["latency"])
        self.cells = Cells(PARTS["predictions"] * rules.predictions, 1 + rules.prediction_tolerance)
        self._left = 1.0
        self.evidence = 1.0  # what the purse has become
        self.stirred = False  # whether bets settled by the moment have won more than a little
        self._place(FIRST)

    def minute(self) -> None:
        """Place the bets of one more minute: a regression may begin now."""
        self._place(self._left * (1 - math.exp(-1 / ONSET_MEAN)))

    def settle_errors(self, green: int, blue: int, odds: float) -> None:
        """Take in errors; odds are green's requests (or users) by blue's."""
        self.errors.settle(green, blue, odds)
        self.evidence = self._left + self.errors.money + self._by_moment

    def settle(
        self, below: Floats | None, outcomes: Sequence[Pair], odds: tuple[float, float]
    ) -> None:
        """Take in a moment: answers below each edge of the ranks, and outcomes by kind.

        Pairs are blue's and green's; odds are the lowest and the highest that green's requests may
        have had to blue's where the outcomes come from.
        """
        if below is not None:
            self.ranks.settle(below)
        self.settle_outcomes(outcomes, odds)

    def settle_outcomes(self, outcomes: Sequence[Pair], odds: tuple[float, float]) -> None:
        """Take in outcomes by kind alone."""
        for (blue, green), good, stake in zip(
            outcomes, self._rules.outcomes.values(), self.outcomes, strict=True
        ):
            if good:  # fewer on green are more on blue: the same bet with the roles exchanged
                if odds[0]:  # else green can have none yet
                    stake.settle(blue, green, 1 / odds[0])
            else:
                stake.settle(green, blue, odds[1])
        self._add_up()

    def settle_predictions(self, blue: Sequence[float], green: Sequence[float]) -> None:
        """Take in answers by cell."""
        self.cells.settle(blue, green)
        self._add_up()

    def findings(self, ratios: Sequence[Sequence[float]]) -> tuple[Finding, ...]:
        """Return what is known of each metric: ratios (with low and high) come kind by kind."""
        margin = self._rules.margin
        found = [_finding("errors", ratios[0], margin, self._alone(self.errors))]
        body, tail = (self._grown(*each) for each in self.ranks.by_part())
        for quantile, ratio, of in zip(
            ABOVE, ratios[1:], (body, (body + tail) / 2, tail), strict=False
        ):
            found.append(_finding(f"latency over p{100 * quantile:g}", ratio, 0.0, of))
        outcomes = zip(self._rules.outcomes.items(), self.outcomes, strict=True)
        for ratio, ((name, good), stake) in zip(ratios[1 + len(ABOVE) :], outcomes, strict=False):
            told, seen = (f"fewer {name}", _turned(ratio)) if good else (name, ratio)
            found.append(_finding(told, seen, margin, self._alone(stake)))
        if self._rules.predictions:
            found.append(self._predictions(ratios[-CELLS:]))
        return tuple(found)

    def _predictions(self, ratios: Sequence[Sequence[float]]) -> Finding:
        """Return what is known of the cell that speaks most against green."""
        money = self.cells.by_cell()  # (2, cells): more, fewer
        fewer, cell = divmod(int(np.argmax(money)), CELLS)
        return _finding(
            f"{'fewer' if fewer else 'more'} predictions {place_of(cell)}",
            _turned(ratios[cell]) if fewer else ratios[cell],
            self._rules.prediction_tolerance,
            self._grown(float(money[fewer, cell]), self.cells.prior / money.size),
        )

    def _place(self, part: float) -> None:
        self._left -= part
        self._placed = (1 - self._left) * (1 - PARTS["errors"])
        self.errors.place(part)
        self.ranks.place(part)
        self.cells.place(part)
        for stake in self.outcomes:
            stake.place(part)
        self._add_up()

    def _add_up(self) -> None:
        """Add up the bets that are settled by the moment. Asked at every look, so kept."""
        self._by_moment = self.ranks.money + self.cells.money
        for stake in self.outcomes:
            self._by_moment += stake.money
        self.stirred = self._by_moment > STIRRED * self._placed
        self.evidence = self._left + self.errors.money + self._by_moment

    def _alone(self, stake: Stake) -> float:
        return self._grown(stake.money, stake.prior)

    def _grown(self, money: float, prior: float) -> float:
        """Return what a part of the bets has become, as if there were no others."""
        return min(money / prior + self._left, LARGEST)


def _finding(metric: str, ratio: Sequence[float], margin: float, evidence: float) -> Finding:
    middle, low, high = ratio
    return Finding(
        metric=metric, ratio=middle, low=low, high=high, margin=margin, evidence=evidence
    )


def _turned(ratio: Sequence[float]) -> tuple[float, float, float]:
    return 1 / ratio[0], 1 / ratio[2], 1 / ratio[1]
