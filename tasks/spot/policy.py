"""Stay, wait, spot in some zone, or on-demand: the cheapest that keeps the deadline for certain.

Every action is first put to the test of the worst case (``worst``). Among those that pass, the
expected cost decides: what the next step costs and, from the outlook, all that comes after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tasks.spot.chains import Array, product
from tasks.spot.lives import Lives
from tasks.spot.outlook import Outlook
from tasks.spot.plans import Plan, plan
from tasks.spot.situation import Action, Decision, Machine, Offer, Situation, Terms
from tasks.spot.worst import may_hold, may_launch, may_wait

HASTE = 0.1
"""Share of the cost that waiting must save to be worth it before the first launch, with spot there
and far more time than work: so well is the future not known."""
TIE = 0.001
"""The same after a launch, which is paid for if lost: less is the rounding of the outlook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    cost: float
    machine: Machine | None


class SpotPolicy:
    """The decisions of one job. Learns from every look and never asks for what is to come."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.zones: dict[str, Lives] = {}
        self._outlook: Outlook | None = None
        self._counted: Sequence[str] = ()
        self._left: float | None = None

    def watch(self, offers: Sequence[Offer], after: float) -> None:
        """Learn from a look at the market, ``after`` hours since the last one."""
        for offer in offers:
            self.zones.setdefault(offer.zone, Lives()).see(offer.up, after)

    def decide(self, now: Situation) -> Decision:
        """Learn from the offers, all of them seen now, and return what to do."""
        after = self.terms.step if self._left is None else self._left - now.time_left
        self.watch(now.offers, after)
        self._left = now.time_left
        return self.choose(now)

    def choose(self, now: Situation) -> Decision:
        """Return what to do by what was learnt; what the offers say may be guessed."""
        for offer in now.offers:
            self.zones.setdefault(offer.zone, Lives())
        for lives in self.zones.values():
            lives.alone = len(self.zones) == 1
        counted = plan(now, self.terms, self.zones, self._counted)
        self._counted = [offer.zone for offer in counted.offers]
        if self._outlook is None or not self._outlook.serves(counted.figures, now):
            self._outlook = Outlook(counted.figures, now, step=self.terms.step)
        options = list(self._options(now, counted, self._outlook))
        best = _best(options, haste=self._haste(now, self._outlook))
        return self._told(now, counted, best, len(options))

    def interruptions_per_hour(self, zone: str) -> float:
        """Return how often machines of a zone are lost, for the interval between checkpoints."""
        return self.zones.get(zone, Lives()).interruptions_per_hour()

    def _haste(self, now: Situation, outlook: Outlook) -> float:
        if not outlook.ample:
            return 0.0
        return TIE if now.kept_in else HASTE

    def _options(self, now: Situation, counted: Plan, outlook: Outlook) -> Iterator[_Option]:
        nexts = self._nexts(counted)
        anyhow = product([stays + turned for stays, turned in nexts])
        left = now.time_left - self.terms.step
        if may_wait(now, self.terms):
            slack = now.slack - self.terms.step
            cost = outlook.value(None, now.kept_in, anyhow, left, slack)
            yield _Option(cost=cost, machine=None)
        for place in outlook.figures.places:
            machine = Machine(zone=place, spot=False)
            if self._safe(now, machine):
                cost, slack = self._step(now, machine)
                cost += outlook.value(machine, place, anyhow, left, slack)
                yield _Option(cost=cost, machine=machine)
        for index, offer in enumerate(counted.offers):
            machine = Machine(zone=offer.zone, spot=True)
            if offer.up and self._safe(now, machine):
                cost, slack = self._step(now, machine)
                held, lost = _held_and_lost(nexts, index)
                cost += outlook.value(machine, offer.zone, held, left, slack)
                cost += outlook.value(None, offer.zone, lost, left, slack)
                yield _Option(cost=cost, machine=machine)

    def _nexts(self, counted: Plan) -> list[tuple[Array, Array]]:
        return [
            chain.next(self.zones[offer.zone], offer.up, self.terms.step)
            for offer, chain in zip(counted.offers, counted.chains, strict=True)
        ]

    def _safe(self, now: Situation, machine: Machine) -> bool:
        if machine.spot:
            return may_hold(now, self.terms, machine)
        running = now.machine is not None and not now.machine.spot
        return machine == now.machine or not running or may_launch(now, self.terms)

    def _step(self, now: Situation, machine: Machine) -> tuple[float, float]:
        """Return what this step costs on ``machine``, and the slack after it."""
        terms, held = self.terms, now.machine == machine
        launching = now.launching if held else terms.overhead
        offer = next(offer for offer in now.offers if offer.zone == machine.zone)
        price = offer.spot if machine.spot else offer.on_demand
        move = 0.0 if held else terms.moving(now.kept_in, machine.zone)
        return price * min(terms.step, now.work_left + launching) + move, now.slack - launching

    def _told(self, now: Situation, counted: Plan, best: _Option, choices: int) -> Decision:
        names = " or ".join(offer.zone for offer in counted.offers)
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
            reason=f"{what} of {choices} choices; counting on {names}",
            slack=slack,
            expected_cost=best.cost,
        )


def _best(options: Sequence[_Option], *, haste: float) -> _Option:
    """Return the option that costs least; spot that costs hardly more goes before waiting."""
    least = min(options, key=_cost)
    spot = [each for each in options if each.machine is not None and each.machine.spot]
    if least.machine is not None or not spot:
        return least
    now = min(spot, key=_cost)
    return now if now.cost <= (1 + haste) * least.cost else least


def _cost(option: _Option) -> float:
    return option.cost


def _held_and_lost(nexts: Sequence[tuple[Array, Array]], index: int) -> tuple[Array, Array]:
    """Return the chances of the market after a step, a spot machine kept through it, and lost."""
    held, lost = ([stays + turned for stays, turned in nexts] for _ in range(2))
    held[index], lost[index] = nexts[index]
    return product(held), product(lost)
