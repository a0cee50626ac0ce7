"""What is known of green apart from the bets: ratios, and the proof that it is good enough."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasks.rollout.batches import Floats, Moment
from tasks.rollout.cells import CELLS
from tasks.rollout.evidence import FOUR, Certificate, Rarity
from tasks.rollout.ranks import ABOVE
from tasks.rollout.ratios import Ratios
from tasks.rollout.verdict import VerdictRules

ERRORS, LATENCY, OUTCOMES, PREDICTIONS = range(4)  # groups of kinds
PLACES = list(ABOVE.values())
FEW_SLOW = 0.02
"""Share of green's answers above the 95 % of all that is fine without comparison: there are so few
only where most take the same time, and where all do there is nothing to compare."""
TAIL = list(ABOVE).index(0.95)  # above it, green must be shown not to have too many answers


class Known:
    """Takes moments in; says ratios by kind of event, and how much of the proof there is."""

    def __init__(self, rules: VerdictRules) -> None:
        self._rules = rules
        self._ratios = Ratios([1, len(ABOVE), len(rules.outcomes), CELLS])
        self._fine = [Certificate(largest=rules.largest_ratio) for _ in range(2)]
        self._rarity, self._hardly_slow = Rarity(rules.harmless_error_rate), Rarity(FEW_SLOW)
        self._needed = -math.log(rules.alpha)
        self._certified: float | None = 0.0  # None until somebody asks
        self._enough: bool | None = False

    def add(
        self,
        moment: Moment,
        below: Floats | None,
        outcomes: Sequence[tuple[int, int]],
    ) -> None:
        """Take in a moment: its events, and answers below each edge of the ranks.

        Pairs are blue's and green's.
        """
        odds, (errors, tail) = moment.greens / moment.blues, self._fine
        of_blue, of_green = moment.blue_at_risk, moment.green_at_risk
        if of_blue and of_green:
            blue, green, each = moment.blue_errors, moment.green_errors, of_green / of_blue
            self._ratios.add(ERRORS, (green,), (blue,), each)
            errors.settle(green, blue, each)
        if outcomes:
            self.add_outcomes(outcomes, odds)
        if below is not None:
            theirs, mine = below.tolist()
            slows, slow = ([each[-1] - each[at] for at in PLACES] for each in (theirs, mine))
            self._ratios.add(LATENCY, slow, slows, odds)
            tail.settle(slow[TAIL], slows[TAIL], odds)
            self._hardly_slow.settle(slow[TAIL], mine[-1])
        self._rarity.settle(moment.green_failed, moment.greens)
        self._certified = self._enough = None

    def add_outcomes(self, outcomes: Sequence[tuple[int, int]], odds: float) -> None:
        """Take in outcomes by kind, blue's and green's; odds are those of their requests."""
        blues, greens = zip(*outcomes, strict=True)
        self._ratios.add(OUTCOMES, greens, blues, odds)

    def add_predictions(self, blue: Sequence[float], green: Sequence[float]) -> None:
        """Take in answers by cell."""
        if any(blue) and any(green):
            self._ratios.add(PREDICTIONS, green, blue, sum(green) / sum(blue))

    def ratios(self) -> Sequence[Sequence[float]]:
        """Return ratio, low and high: of errors, high latencies, outcomes and cells."""
        found = self._ratios.intervals(alpha=self._rules.alpha)
        rows: list[list[float]] = np.array(found).T.tolist()
        return rows

    @property
    def certified(self) -> float:
        """Share of the way to the proof that green is good enough."""
        if self._certified is None:
            self._certified = self._proven()
        return self._certified

    @property
    def enough(self) -> bool:
        """Whether it is proven. Asked at every look, so what is clear is told apart first."""
        if self._enough is None:
            self._enough = self._sure(self._fine[1], self._hardly_slow) and self._sure(
                self._fine[0], self._rarity
            )
        return self._enough

    def _sure(self, fine: Certificate, rare: Rarity) -> bool:
        """Whether one of two proofs suffices."""
        least = max(fine.at_least(), rare.at_least())
        if not self._needed - FOUR <= least < self._needed:
            return least >= self._needed
        return max(fine.log_evidence(), rare.log_evidence()) >= self._needed

    def _proven(self) -> float:
        errors, tail = (each.log_evidence() for each in self._fine)
        fine = max(errors, self._rarity.log_evidence())
        return min(fine, max(tail, self._hardly_slow.log_evidence())) / self._needed
