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
from tasks.rollout.asked import Asked, EarlierRequests, asked_of, untimed
from tasks.rollout.batches import Moment, Moments, Pieces, latency_below
from tasks.rollout.cells import PredictionHistory
from tasks.rollout.delays import EarlierOdds
from tasks.rollout.known import Known
from tasks.rollout.purse import Purse
from tasks.rollout.shares import Shares
from tasks.rollout.users import Troubled
from tasks.rollout.verdict import Decision, Verdict, VerdictRules

MINUTE = timedelta(minutes=1)
Both = tuple[Sequence[Asked], Sequence[Asked]]
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
        self._next_minute: datetime | None = None
        self._blue = self._green = 0
        self._verdict: Verdict | None = None  # until something new comes

    def add(
        self,
        blue: VariantTick | None,
        green: VariantTick | None,
        *,
        expected: float | None = None,
        highest: float = 0.0,
    ) -> None:
        """Take in what both did in one tick; a moment that one of them lacks compares nothing.

        ``expected`` is the share of the requests that green should get, if that is known;
        ``highest`` is under one: the largest that it may have had while its share moved, 0 if it
        did not.
        """
        if expected is not None and blue is not None and green is not None:
            users = bool(blue.users and green.users)
            counts = (green.users, blue.users) if users else (green.requests, blue.requests)
            self._shares.settle(*counts, expected)
        for piece in self._pieces.add(blue, green, highest):
            if piece.blues and piece.greens:
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
        theirs, mine = piece.blues, piece.greens
        self._blue += theirs
        self._green += mine
        if self._next_minute is None or piece.start >= self._next_minute:
            self._place(piece.start)
        if piece.blue_users and piece.green_users:
            theirs, mine = piece.blue_users, piece.green_users
            lost, failed = self._troubled.first(piece.blue, piece.green)
        else:
            lost, failed = piece.blue_failed, piece.green_failed
        piece.blue_at_risk, piece.green_at_risk = theirs, mine
        piece.blue_errors, piece.green_errors = lost, failed
        odds = mine / theirs
        if piece.highest:
            odds = max(odds, piece.highest / (1 - piece.highest))
        self._purse.settle_errors(failed, lost, odds)

    def _place(self, now: datetime) -> None:
        """Place the bets of minutes gone by, from the first comparison on."""
        if self._next_minute is None:
            self._first, self._next_minute = now, now + MINUTE
        while now >= self._next_minute:
            self._next_minute += MINUTE
            self._purse.minute()

    def _fold(self, moment: Moment) -> None:
        """Settle what is bet on latency and outcomes, and learn."""
        theirs, mine, ranks, below = moment.blues, moment.greens, self._purse.ranks, None
        asked = asked_of(moment.blue), asked_of(moment.green)
        shift = self._busy if mine > BUSIER * (theirs + mine) else self._usual
        latency = latency_below(moment.blue, moment.green, shift)
        if theirs and mine and not moment.highest:
            self._verdict = None
            if self._latency_counts(moment):
                below = ranks.below(latency)
            outcomes = self._outcomes(moment, asked)
            odds = self._earlier.among(moment) if outcomes else (1.0, 1.0)
            self._purse.settle(below, outcomes, odds)
            self._known.add(moment, below, outcomes if odds[0] == odds[1] else ())
        if self.rules.outcomes:
            self._fold_timed(moment, asked)
        ranks.learn(latency[0], moment.seconds)
        if self.rules.predictions:
            for longer in self._longer.add(moment, self._purse.cells.stirred):
                self._fold_predictions(longer)

    def _fold_predictions(self, moment: Moment) -> None:
        """Settle what is bet on predictions, and learn."""
        history = self._predictions
        blue, green = history.counted(moment.blue), history.counted(moment.green)
        cells = history.cells(blue, green, moment.requests)
        if cells is not None and not moment.highest:
            self._verdict = None
            self._purse.settle_predictions(*cells)
            self._known.add_predictions(*cells)
        history.learn(blue)

    def _fold_timed(self, moment: Moment, asked: Both) -> None:
        """Settle outcomes by the shares of when their requests were asked."""
        self._asked.add(moment)
        if not asked[0] and not asked[1]:
            return
        for (theirs, mine), outcomes in self._asked.timed(*asked):
            self._verdict = None
            self._purse.settle_outcomes(outcomes, (mine / theirs, mine / theirs))
            self._known.add_outcomes(outcomes, mine / theirs)

    def _outcomes(self, moment: Moment, asked: Both) -> Sequence[tuple[int, int]]:
        """Return business events by kind that may be of now, blue's and green's."""
        blue, green = moment.blue, moment.green
        return [
            (untimed(blue, asked[0], name), untimed(green, asked[1], name))
            for name in self.rules.outcomes
        ]

    def _latency_counts(self, moment: Moment) -> bool:
        """Whether green is warm by then."""
        first, warm_up = self._first, self.rules.warm_up
        return self._warmed or (first is not None and moment.start - first >= warm_up)


def _buckets(margin: float) -> int:
    """Return how many buckets of latency are forgiven to green."""
    return math.ceil(math.log1p(margin) / math.log(LATENCY_RATIO) - 1e-9)
