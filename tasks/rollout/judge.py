"""Folds what blue and green do into evidence, and says what it amounts to.

Pure: no Prefect, no provider. Feed ticks in order; the state has a fixed size, however long it
lasts and however much traffic there is. Errors and outcomes are settled every few seconds, latency
and predictions by the moment, once it tells something new; reasons are made when asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from blocks.contracts import LATENCY_RATIO, VariantTick
from tasks.rollout.asked import EarlierRequests, untimed
from tasks.rollout.batches import Moment, Moments, Pieces, latency_below
from tasks.rollout.cells import PredictionHistory
from tasks.rollout.delays import EarlierOdds
from tasks.rollout.known import Known
from tasks.rollout.purse import Purse
from tasks.rollout.shares import Shares
from tasks.rollout.users import Troubled
from tasks.rollout.verdict import Decision, Verdict, VerdictRules

MINUTE = timedelta(minutes=1)
BUSIER = 0.6  # share of the requests from which on the load itself may make green slower


class Judge:
    """Folds ticks into evidence. Both variants' ticks of the same time are added together.

    ``warmed``: green was warmed up before, so its latency counts from the first request on.
    ``spent`` is the share of alpha that may be used up here.
    """

    def __init__(self, rules: VerdictRules, *, warmed: bool = False, spent: float = 1.0) -> None:
        self.rules, self._warmed = rules, warmed
        self._threshold = 1 / (rules.alpha * spent)
        self._purse, self._known = Purse(rules), Known(rules)
        self._pieces, self._moments, self._longer = Pieces(), Moments(), Moments(times=2)
        self._usual = _buckets(rules.margin)
        self._busy = _buckets((1 + rules.margin) * (1 + rules.load_margin) - 1)
        self._predictions, self._troubled = PredictionHistory(), Troubled()
        self._shares, self._earlier = Shares(), EarlierOdds(rules.outcome_delay)
        self._asked = EarlierRequests(rules.outcomes)
        self._first: datetime | None = None
        self._next_minute = datetime.max
        self._blue = self._green = 0
        self._verdict: Verdict | None = None  # until something new comes

    def add(
        self, blue: VariantTick | None, green: VariantTick | None, *, expected: float | None = None
    ) -> None:
        """Take in what both did in one tick; a moment that one of them lacks compares nothing.

        ``expected`` is the share of the requests that green should get, if that is known.
        """
        if expected is not None and blue is not None and green is not None:
            users = bool(blue.users and green.users)
            counts = (green.users, blue.users) if users else (green.requests, blue.requests)
            self._shares.settle(*counts, expected)
        for piece in self._pieces.add(blue, green):
            if piece.requests[0] and piece.requests[1]:
                self._compare(piece)
            for moment in self._moments.add(piece, self._purse.stirred):
                self._fold(moment)

    @property
    def decision(self) -> Decision:
        """What to do now, without the reasons. Looking often costs nothing."""
        if self._purse.evidence >= self._threshold:
            return Decision.RETURN
        return Decision.GO_ON if self._known.enough else Decision.KEEP_LOOKING

    def verdict(self) -> Verdict:
        """Say what the evidence is now, and why."""
        if self._verdict is None:
            self._verdict = self._judged()
        mismatch = self._shares.mismatch()
        return (
            self._verdict.model_copy(update={"mismatch": mismatch}) if mismatch else self._verdict
        )

    def _judged(self) -> Verdict:
        seen = self._blue + self._green
        return Verdict(
            decision=self.decision,
            evidence=self._purse.evidence,
            threshold=self._threshold,
            certified=min(max(self._known.certified, 0.0), 1.0),
            blue_requests=self._blue,
            green_requests=self._green,
            share=self._green / seen if seen else 0.0,
            findings=self._purse.findings(self._known.ratios()),
        )

    def _compare(self, piece: Moment) -> None:
        """Settle what is bet on errors, and place the bets of minutes gone by."""
        self._verdict = None
        theirs, mine = piece.requests
        self._blue += theirs
        self._green += mine
        if self._first is None:
            self._first, self._next_minute = piece.start, piece.start + MINUTE
        while piece.start >= self._next_minute:
            self._next_minute += MINUTE
            self._purse.minute()
        users, piece.at_risk, piece.errors = piece.users, piece.requests, piece.failed
        if users[0] and users[1]:
            (theirs, mine), piece.at_risk = users, users
            piece.errors = self._troubled.first(piece.blue, piece.green)
        self._purse.errors.settle(piece.errors[1], piece.errors[0], mine / theirs)

    def _fold(self, moment: Moment) -> None:
        """Settle what is bet on latency and outcomes, and learn."""
        (theirs, mine), blue, green = moment.requests, moment.blue, moment.green
        ranks, below = self._purse.ranks, None
        busy = mine > BUSIER * (theirs + mine)
        latency = latency_below(blue, green, self._busy if busy else self._usual)
        if theirs and mine:
            self._verdict = None
            if self._latency_counts(moment):
                below = ranks.below(latency)
            outcomes = self._outcomes(blue, green)
            odds = self._earlier.among(moment) if outcomes else (1.0, 1.0)
            self._purse.settle(below, outcomes, odds)
            self._known.add(moment, below, outcomes if odds[0] == odds[1] else ())
        if self.rules.outcomes:
            self._fold_timed(moment)
        ranks.learn(latency[0], moment.seconds)
        if self.rules.predictions:
            for longer in self._longer.add(moment, self._purse.cells.stirred):
                self._fold_predictions(longer)

    def _fold_predictions(self, moment: Moment) -> None:
        """Settle what is bet on predictions, and learn."""
        history = self._predictions
        blue, green = history.counted(moment.blue), history.counted(moment.green)
        cells = history.cells(blue, green, moment.requests)
        if cells is not None:
            self._verdict = None
            self._purse.settle_predictions(*cells)
            self._known.add_predictions(*cells)
        history.learn(blue)

    def _fold_timed(self, moment: Moment) -> None:
        """Settle outcomes by the shares of when their requests were asked."""
        self._asked.add(moment)
        for (theirs, mine), outcomes in self._asked.timed(moment.blue, moment.green):
            self._verdict = None
            self._purse.settle_outcomes(outcomes, (mine / theirs, mine / theirs))
            self._known.add_outcomes(outcomes, mine / theirs)

    def _outcomes(
        self, blue: Sequence[VariantTick], green: Sequence[VariantTick]
    ) -> Sequence[tuple[int, int]]:
        """Return business events by kind that may be of now, blue's and green's."""
        return [(untimed(blue, name), untimed(green, name)) for name in self.rules.outcomes]

    def _latency_counts(self, moment: Moment) -> bool:
        """Whether green is warm by then."""
        first, warm_up = self._first, self.rules.warm_up
        return self._warmed or (first is not None and moment.start - first >= warm_up)


def _buckets(margin: float) -> int:
    """Return how many buckets of latency are forgiven to green."""
    return math.ceil(math.log1p(margin) / math.log(LATENCY_RATIO) - 1e-9)
