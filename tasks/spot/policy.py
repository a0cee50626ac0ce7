"""Stay, wait, spot in some zone, or on-demand: the cheapest that keeps the deadline for certain.

Every action is first put to the test of the worst case (``worst``). Among those that pass, the
expected cost decides: for each plan (a zone, or zones near each other) the cost of the next step
and, from the plan's outlook, of all that comes after.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tasks.spot.lives import CLASSES, Lives, age_class
from tasks.spot.outlook import DEMAND, IDLE, SPOT, Outlook
from tasks.spot.plans import AHEAD, View, affordable, neighbourhoods, view
from tasks.spot.situation import Action, Decision, Machine, Offer, Situation, Terms
from tasks.spot.worst import may_hold, may_launch, may_wait

SOLVED_AT_ONCE = 2  # outlooks made new in one decision; the others may be a little out of date


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    cost: float
    machine: Machine | None
    plan: str


class SpotPolicy:
    """The decisions of one job. Learns from every look and never asks for what is to come."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.zones: dict[str, Lives] = {}
        self._plans: dict[tuple[str, ...], Lives] = {}
        self._outlooks: dict[tuple[str, ...], Outlook] = {}
        self._left: float | None = None

    def watch(self, offers: Sequence[Offer], after: float) -> None:
        """Learn from a look at the market, ``after`` hours since the last one."""
        names = tuple(offer.zone for offer in offers)
        if not self.zones:
            self.zones = {name: Lives() for name in names}
            groups = neighbourhoods(names, self.terms)
            self._plans = {(name,): zone for name, zone in self.zones.items()}
            self._plans |= {group: Lives() for group in groups}
        cheap = affordable(offers)
        for plan, lives in self._plans.items():
            wanted = set(plan) if len(plan) == 1 else cheap.intersection(plan)
            if wanted:
                lives.see(any(o.up for o in offers if o.zone in wanted), after)

    def decide(self, now: Situation) -> Decision:
        """Return what to do now. The offers must name the same zones each time."""
        after = self.terms.step if self._left is None else self._left - now.time_left
        self.watch(now.offers, after)
        self._left = now.time_left
        options = [option for plan in self._views(now) for option in self._options(now, *plan)]
        best = min(options, key=lambda option: option.cost)
        return self._told(now, best, len({option.machine for option in options}))

    def interruptions_per_hour(self, zone: str) -> float:
        """Return how often machines of a zone are lost, for the interval between checkpoints."""
        return self.zones.get(zone, Lives()).interruptions_per_hour()

    def _views(self, now: Situation) -> Iterator[tuple[View, Outlook]]:
        solved, cheap = 0, affordable(now.offers)
        for plan, lives in self._plans.items():
            wanted = set(plan) if len(plan) == 1 else cheap.intersection(plan)
            offers = [offer for offer in now.offers if offer.zone in wanted]
            if len(offers) < min(len(plan), 2):
                continue
            seen = view(now, self.terms, offers, lives, self.zones)
            outlook = self._outlooks.get(plan)
            if outlook is None or (
                solved < SOLVED_AT_ONCE and not outlook.figures.near(seen.figures)
            ):
                solved += 1
                outlook = self._outlooks[plan] = Outlook(
                    seen.figures, hours=now.time_left, slack=now.slack, step=self.terms.step
                )
            yield seen, outlook

    def _options(self, now: Situation, plan: View, outlook: Outlook) -> Iterator[_Option]:
        if may_wait(now, self.terms):
            move = min(self.terms.moving(now.kept_in, offer.zone) for offer in plan.offers)
            later = self._later(now, plan, outlook, IDLE, now.slack - self.terms.step)
            yield _Option(cost=move + later, machine=None, plan=plan.name)
        for machine, offer in _machines(now, plan):
            if not self._safe(now, machine):
                continue
            cost = self._cost(now, plan, outlook, machine, offer)
            yield _Option(cost=cost, machine=machine, plan=plan.name)

    def _safe(self, now: Situation, machine: Machine) -> bool:
        if machine.spot:
            return may_hold(now, self.terms, machine)
        running = now.machine is not None and not now.machine.spot
        return machine == now.machine or not running or may_launch(now, self.terms)

    def _cost(
        self, now: Situation, plan: View, outlook: Outlook, machine: Machine, offer: Offer
    ) -> float:
        """Return what this step on ``machine`` costs, and what is expected of those after it."""
        terms, held = self.terms, now.machine == machine
        launching = now.launching if held else terms.overhead
        price = offer.spot if machine.spot else offer.on_demand
        cost = price * min(terms.step, now.work_left + launching)
        cost += 0.0 if held else terms.moving(now.kept_in, offer.zone)
        slack = now.slack - launching
        if machine.spot and offer in plan.offers:
            cost += self._later(now, plan, outlook, SPOT, slack)
            return cost + (self._dearer(now, plan, outlook, offer) if len(plan.offers) > 1 else 0.0)
        cost += self._later(now, plan, outlook, DEMAND, slack)
        return cost + (price - plan.fallback.price) * min(now.work_left, AHEAD)

    def _later(self, now: Situation, plan: View, outlook: Outlook, row: int, slack: float) -> float:
        """Return the expected cost after this step: as the market is, or as it turns."""
        lives, left = plan.lives, now.time_left - self.terms.step
        turns = 1 - math.exp(-lives.rate() * self.terms.step)
        age = age_class(lives.age + self.terms.step)
        stays, turned = (age, CLASSES) if lives.up else (CLASSES + age, 0)
        lost = IDLE if row == SPOT else row  # with its spot the machine is gone, too
        return (1 - turns) * outlook.value(row + stays, left, slack) + turns * outlook.value(
            lost + turned, left, slack
        )

    def _dearer(self, now: Situation, plan: View, outlook: Outlook, offer: Offer) -> float:
        """Return what a zone costs beyond the plan's usual, as long as it is likely to be kept."""
        figures, overhead = plan.figures, self.terms.overhead
        loss = self.zones[offer.zone].rate()
        soon = sum(
            self.zones[other.zone].rate()
            for other in plan.offers
            if other.spot < offer.spot and not other.up
        )
        slack = self._worth(now, outlook) * overhead
        hop = overhead * offer.spot + figures.moving + slack
        usual = figures.spot + figures.hops * (overhead * figures.spot + figures.moving + slack)
        extra = max(0.0, loss - plan.lives.rate())
        return (offer.spot + extra * hop - usual) * min(now.work_left, 1 / (loss + soon))

    def _worth(self, now: Situation, outlook: Outlook) -> float:
        """Return what an hour of slack is worth: never more than waiting through it saves."""
        by = max(self.terms.overhead, self.terms.step)
        if now.slack <= by:
            return 0.0
        less = outlook.value(IDLE, now.time_left, now.slack - by)
        worth = (less - outlook.value(IDLE, now.time_left, now.slack)) / by
        most = max(0.0, outlook.figures.on_demand - outlook.figures.spot)
        return min(max(0.0, worth), most)

    def _told(self, now: Situation, best: _Option, choices: int) -> Decision:
        slack, machine = now.slack - self.terms.overhead, best.machine
        if machine is None:
            action, what = Action.WAIT, "waiting costs least"
        elif machine == now.machine:
            action, what = Action.STAY, "keeping the machine costs least"
        elif machine.spot:
            action, what = Action.SPOT, f"spot in {machine.zone} costs least"
        else:
            action, what = Action.ON_DEMAND, f"on-demand in {machine.zone} costs least"
        if choices == 1:
            what = "nothing else is sure to meet the deadline"
        return Decision(
            action=action,
            zone=machine.zone if machine else "",
            reason=f"{what} of {choices} choices; counting on {best.plan}",
            slack=slack,
            expected_cost=best.cost,
        )


def _machines(now: Situation, plan: View) -> Iterator[tuple[Machine, Offer]]:
    """Yield what may be launched or kept under a plan; on-demand is always among it."""
    fallback = plan.fallback
    yield Machine(zone=fallback.offer.zone, spot=fallback.spot), fallback.offer
    for offer in plan.offers:
        if offer.up:
            yield Machine(zone=offer.zone, spot=True), offer
    if fallback.spot:
        cheapest = min(now.offers, key=lambda offer: offer.on_demand)
        yield Machine(zone=cheapest.zone, spot=False), cheapest
    if now.machine is not None and not now.machine.spot:
        yield now.machine, next(o for o in now.offers if o.zone == now.machine.zone)
