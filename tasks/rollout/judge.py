"""Folds what blue and green do into evidence, and says what it amounts to.

Pure: no Prefect, no provider. Feed ticks in order; the state has a fixed size, however long it
lasts and however much traffic there is.
"""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from blocks.contracts import LATENCY_RATIO, VariantTick
from tasks.rollout.batches import Batches, Counts, Moment
from tasks.rollout.evidence import Certificate, Floats, Rarity
from tasks.rollout.history import CELLS, PredictionHistory
from tasks.rollout.purse import Purse
from tasks.rollout.ranks import ABOVE, Ranks, over
from tasks.rollout.ratios import Ratios
from tasks.rollout.shares import Shares
from tasks.rollout.tally import Tally
from tasks.rollout.verdict import Decision, Finding, Verdict, VerdictRules

BUSIER = 0.6  # share of the requests from which on the load itself may make green slower
CERTIFIED = [0, 1 + list(ABOVE).index(0.95)]  # kinds of events: errors and answers over p95


class Judge:
    """Folds ticks into evidence. Both variants' ticks of the same time are added together.

    ``warmed``: green was warmed up before, so its latency counts from the first request on.
    """

    def __init__(self, rules: VerdictRules, *, warmed: bool = False) -> None:
        self.rules, self._warmed = rules, warmed
        self._outcomes = tuple(rules.outcomes.items())
        self._first_outcome = 1 + len(ABOVE)
        self._first_cell = self._first_outcome + len(self._outcomes)
        self._kinds = self._first_cell + (CELLS if rules.predictions else 0)
        self._purse = Purse(rules)
        outcomes = range(self._first_outcome, self._first_cell)
        cells = range(self._first_cell, self._kinds)
        self._labels = np.array([0, *outcomes, *cells, *cells])  # kinds that labels bet on
        self._batches, self._shift = Batches(), _buckets(rules.margin)
        self._busy = _buckets((1 + rules.margin) * (1 + rules.load_margin) - 1)
        self._ranks, self._predictions = Ranks(), PredictionHistory()
        self._ratios, self._tally = Ratios(self._kinds), Tally.empty(self._kinds)
        self._certificate = Certificate(2, largest=rules.largest_ratio)
        self._rarity, self._shares = Rarity(rules.harmless_error_rate), Shares()
        self._rare = (0.0, 0.0)  # green's errors and requests, not yet in _rarity
        self._first: datetime | None = None
        self._minutes = self._blue = self._green = 0
        self._verdict: Verdict | None = None  # these two until something new comes
        self._decision: Decision | None = Decision.KEEP_LOOKING

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
        for moment in self._batches.add(blue, green):
            self._fold(moment)

    def verdict(self) -> Verdict:
        """Say what the evidence is now. Looking often costs nothing."""
        if self._verdict is None:
            self._verdict = self._judged()
        mismatch = self._shares.mismatch()
        return (
            self._verdict.model_copy(update={"mismatch": mismatch}) if mismatch else self._verdict
        )

    @property
    def decision(self) -> Decision:
        """What the verdict is, without its reasons."""
        if self._decision is None:
            self._decision = self._decided(self._purse.log_evidence(), self._certified())
        return self._decision

    def _decided(self, log_evidence: float, certified: float) -> Decision:
        if log_evidence >= -math.log(self.rules.alpha):
            return Decision.RETURN
        return Decision.GO_ON if certified >= 1 else Decision.KEEP_LOOKING

    def _judged(self) -> Verdict:
        seen, certified = self._blue + self._green, self._certified()
        log_evidence = self._purse.log_evidence()
        return Verdict(
            decision=self._decided(log_evidence, certified),
            evidence=math.exp(min(log_evidence, 700.0)),
            threshold=1 / self.rules.alpha,
            certified=min(max(certified, 0.0), 1.0),
            blue_requests=self._blue,
            green_requests=self._green,
            share=self._green / seen if seen else 0.0,
            findings=self._findings(),
        )

    def _fold(self, moment: Moment) -> None:
        outcomes = self.rules.outcomes
        blue = Counts.of(moment.blue, outcomes=outcomes)
        shift = self._busy if _busier(moment) else self._shift
        green = Counts.of(moment.green, outcomes=outcomes, shift=shift)
        if blue.requests and green.requests:
            self._compare(moment, blue, green)
            self._verdict = self._decision = None
        self._ranks.learn(blue.latency, blue.seconds)
        if self.rules.predictions:
            self._predictions.learn(blue)

    def _compare(self, moment: Moment, blue: Counts, green: Counts) -> None:
        self._blue += blue.requests
        self._green += green.requests
        self._first = self._first or moment.start
        lasted = moment.start - self._first
        while self._minutes < int(lasted.total_seconds() // 60):
            self._minutes += 1
            self._purse.minute()
        tally = self._counted(blue, green)
        tally.seconds = moment.seconds
        ranked = None
        if (self._warmed or lasted >= self.rules.warm_up) and green.latency.any():
            bins = self._ranks.bins(blue.latency, green.latency)
            ranked = self._ranks.gains(*bins)
            tally.events[:, 1 : self._first_outcome] = over(bins[1]), over(bins[0])
        self._purse.settle(self._label_events(tally), ranked)
        self._keep(tally, green)

    def _counted(self, blue: Counts, green: Counts) -> Tally:
        """Return events by kind; latencies are left out."""
        tally = Tally.empty(self._kinds)
        events, of = tally.events, tally.of
        of[0], of[1] = green.requests, blue.requests
        if blue.users and green.users:  # a user in trouble makes many errors: they are one event
            of[:, 0] = green.users, blue.users
            events[:, 0] = green.erring_users, blue.erring_users
        else:
            events[:, 0] = green.errors, blue.errors
        for place, (name, _) in enumerate(self._outcomes, start=self._first_outcome):
            events[:, place] = green.outcomes[name], blue.outcomes[name]
        if self.rules.predictions:
            of[:, self._first_cell :] = 0
            if found := self._predictions.cells(blue, green):
                events[:, self._first_cell :] = found[1], found[0]
                of[:, self._first_cell :] = [[found[1].sum()], [found[0].sum()]]
        return tally

    def _label_events(self, tally: Tally) -> tuple[Floats, Floats, Floats]:
        """Return events (green's, blue's) and shares for bets on labels.

        Fewer on green are more on blue: the same bet with the roles exchanged.
        """
        (green, blue), share = tally.events[:, self._labels], tally.share[self._labels]
        turned = self._purse.turned
        return (
            np.where(turned, blue, green),
            np.where(turned, green, blue),
            np.where(turned, 1 - share, share),
        )

    def _keep(self, tally: Tally, green: Counts) -> None:
        """Add up, for estimates and certificates, what belongs to one share."""
        if not self._tally.fits(tally):
            (mine, blues), share = self._tally.events, self._tally.share
            self._ratios.settle(mine, blues, share)
            self._certificate.settle(mine[CERTIFIED], blues[CERTIFIED], share[CERTIFIED])
            self._rarity.settle(*self._rare)
            self._tally, self._rare = Tally.empty(self._kinds), (0.0, 0.0)
        self._tally.add(tally)
        self._rare = (self._rare[0] + green.errors, self._rare[1] + green.requests)

    def _certified(self) -> float:
        """Return the share of the way to the proof that green is good enough."""
        (green, blue), share = self._tally.events, self._tally.share
        errors, tail = self._certificate.log_evidence(
            green[CERTIFIED], blue[CERTIFIED], share[CERTIFIED]
        )
        fine = max(float(errors), self._rarity.log_evidence(*self._rare))
        return min(fine, float(tail)) / -math.log(self.rules.alpha)

    def _findings(self) -> tuple[Finding, ...]:
        (green, blue), share = self._tally.events, self._tally.share
        found = self._ratios.intervals(green, blue, share, alpha=self.rules.alpha)
        return self._purse.findings(np.array(found).T.tolist())


def _busier(moment: Moment) -> bool:
    """Whether green carries clearly more than blue."""
    green, both = moment.requests
    return green > BUSIER * both


def _buckets(margin: float) -> int:
    """Return how many buckets of latency are forgiven to green."""
    return math.ceil(math.log1p(margin) / math.log(LATENCY_RATIO) - 1e-9)
