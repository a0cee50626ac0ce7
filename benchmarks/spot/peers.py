"""The published policies: rules of Wu et al., "Can't Be Late" (NSDI 2024)."""

from __future__ import annotations

from tasks.spot.situation import Action, Decision, Machine, Offer, Situation, Terms


class Greedy:
    """Wait for spot, ride it; when idle and time is short, on-demand to the end (section 3.2)."""

    def __init__(self, terms: Terms) -> None:
        self.terms, self.stuck = terms, False

    def decide(self, now: Situation) -> Decision:
        held, spot = now.machine, cheapest(now)
        self.stuck = self.stuck or (held is None and out_of_time(now, self.terms))
        if self.stuck:
            return on_demand(now)
        if held is not None and held.spot:
            return stay(now)
        return take(spot, now) if spot else wait(now)


class TimeSliced:
    """Greedy in each of some equal slices of work and time; surplus is carried over (section 4)."""

    def __init__(self, terms: Terms, slices: int = 4) -> None:
        self.terms, self.slices = terms, slices
        self.work = self.time = 0.0
        self.short = -1  # the slice in which the rest must be done on-demand

    def decide(self, now: Situation) -> Decision:
        self.work, self.time = self.work or now.work_left, self.time or now.time_left
        passed = self.time - now.time_left
        index = min(int(passed / self.time * self.slices + 1e-9), self.slices - 1)
        share = (index + 1) / self.slices
        due = share * self.work - (self.work - now.work_left)
        left = share * self.time - passed
        held, spot = now.machine, cheapest(now)
        if (held is None or not held.spot) and (
            out_of_time(now, self.terms) or (due > 0 and left < due + 2 * self.terms.overhead)
        ):
            self.short = self.slices if out_of_time(now, self.terms) else index
        if self.short == self.slices or (self.short == index and due > 0):
            return on_demand(now)
        if held is not None and held.spot:
            return stay(now)
        return take(spot, now) if spot else wait(now)


class UniformProgress:
    """Keep the work done in proportion to the time passed (section 4.2, Algorithm 1)."""

    def __init__(self, terms: Terms) -> None:
        self.terms, self.stuck = terms, False
        self.work = self.time = 0.0

    def decide(self, now: Situation) -> Decision:
        self.work, self.time = self.work or now.work_left, self.time or now.time_left
        held, spot, overhead = now.machine, cheapest(now), self.terms.overhead
        done, passed = self.work - now.work_left, self.time - now.time_left
        self.stuck = self.stuck or (held is None and out_of_time(now, self.terms))
        if self.stuck:
            return on_demand(now)
        if held is not None and held.spot:
            return stay(now)
        if held is not None:
            ahead = done >= (passed + 2 * overhead) * self.work / self.time
            return take(spot, now) if spot and ahead else stay(now)
        if spot:
            return take(spot, now)
        return wait(now) if done >= passed * self.work / self.time else on_demand(now)


class OnDemand:
    """Never spot."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def decide(self, now: Situation) -> Decision:
        return on_demand(now)


def out_of_time(now: Situation, terms: Terms) -> bool:
    """The safety net; one step earlier, since a decision holds for a whole step."""
    return now.time_left - terms.step < now.work_left + terms.overhead * 2


def cheapest(now: Situation) -> Offer | None:
    return min((o for o in now.offers if o.up), key=lambda o: o.spot, default=None)


def on_demand(now: Situation) -> Decision:
    if now.machine is not None and not now.machine.spot:
        return stay(now)
    best = min(now.offers, key=lambda offer: offer.on_demand)
    return _decision(now, Action.ON_DEMAND, best.zone)


def take(offer: Offer, now: Situation) -> Decision:
    if now.machine == Machine(zone=offer.zone, spot=True):
        return stay(now)
    return _decision(now, Action.SPOT, offer.zone)


def stay(now: Situation) -> Decision:
    return _decision(now, Action.STAY, now.machine.zone if now.machine else "")


def wait(now: Situation) -> Decision:
    return _decision(now, Action.WAIT, "")


def _decision(now: Situation, action: Action, zone: str) -> Decision:
    return Decision(action=action, zone=zone, reason="by rule", slack=now.slack)
