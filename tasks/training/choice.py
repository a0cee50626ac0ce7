"""Before each attempt at a deadline: which zone and machine, spot or not, or wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product

from blocks.contracts import Frozen, Prices
from blocks.workload import best_interval
from tasks.spot.policy import SpotPolicy
from tasks.spot.situation import Action, Decision, Machine, Offer, Situation, Terms
from tasks.spot.worst import may_hold
from tasks.training.spec import SpotSpec, TrainingSpec

HOUR = timedelta(hours=1)
NOMINAL = (1.0, 3.0)  # spot and on-demand, where no price is known
LOOK = 0.05  # hours between two looks, when a past spell is told to the policy


class Choice(Frozen):
    """What was decided for one attempt. Written down before it is done, so a replay does it too."""

    decision: Decision
    machine: str
    zone: str = ""  # empty: anywhere
    spot: bool
    interruptions_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A machine type in a zone that can do the work, and its prices per hour."""

    machine: str
    zone: str = ""
    spot: float
    on_demand: float

    @property
    def name(self) -> str:
        """What the spot policy calls it: to it, each is a zone of its own."""
        return named(self.zone, self.machine)


def named(zone: str, machine: str) -> str:
    """Return the name of a place."""
    return f"{zone}/{machine}" if zone else machine


def places(spec: TrainingSpec, spot: SpotSpec, prices: Prices) -> tuple[tuple[Place, ...], bool]:
    """Return machine types by zone whose prices are known, and True; or the first at nominal ones.

    A zone costs what it asks for, where the provider says so, else what holds anywhere.
    """
    zones = tuple(dict.fromkeys(spot.zones)) or ("",)
    found = []
    for zone, machine in product(zones, dict.fromkeys((spec.machine, *spot.machines))):
        cheap, full = prices.price(machine, spot=True, zone=zone), prices.price(machine, zone=zone)
        if cheap is not None and full is not None:
            hour = (float(cheap.per_hour) * spec.nodes, float(full.per_hour) * spec.nodes)
            found.append(Place(machine=machine, zone=zone, spot=hour[0], on_demand=hour[1]))
    if found:
        return tuple(found), True
    cheapest, most = NOMINAL
    return tuple(
        Place(machine=spec.machine, zone=zone, spot=cheapest, on_demand=most) for zone in zones
    ), False


def between_checkpoints(spot: SpotSpec) -> timedelta:
    """Return the longest time from the begin of one save to the end of the next.

    No job is told of fewer interruptions than the specification names, so none saves less often.
    """
    save = spot.save.total_seconds()
    between = 3600 / spot.interruptions_per_hour
    return timedelta(seconds=best_interval(save, between) + save)


class Chooser:
    """The spot policy over the zones and machine types of one training run.

    Knows only what it was told: of a zone where nothing was tried, it thinks that spot is there.
    """

    def __init__(
        self, spec: TrainingSpec, spot: SpotSpec, prices: Prices, every: timedelta
    ) -> None:
        self.spot, self.work = spot, spot.expected_hours or 0.0
        self.deadline = (spot.deadline or timedelta(0)) / HOUR
        found, self.priced = places(spec, spot, prices)
        self.places = {place.name: place for place in found}
        self.terms = Terms(
            overhead=spot.launch / HOUR,
            step=every / HOUR,
            lost=min(between_checkpoints(spot) / HOUR, self.work),
        )
        self.policy = SpotPolicy(self.terms)
        self.done = 0.0  # share of the work, as the attempts told it
        self.kept_in = ""  # the place of the last attempt, and so of the newest checkpoint
        self._dry: dict[str, float] = {}  # place: hours into the run when there was no spot
        self.weighs(spot.checkpoint_gb or 0.0)

    @property
    def moves(self) -> bool:
        """Whether there is a choice between zones, so that a checkpoint may have to be moved."""
        return len({place.zone for place in self.places.values()}) > 1

    def weighs(self, gigabytes: float) -> None:
        """Take in how large a checkpoint is; what the specification says goes before."""
        size = gigabytes if self.spot.checkpoint_gb is None else self.spot.checkpoint_gb
        move = size * self.spot.egress_per_gb if self.priced else 0.0
        egress = {
            (a.name, b.name): move
            for a in self.places.values()
            for b in self.places.values()
            if a.zone != b.zone
        }
        self.terms = self.policy.terms = replace(self.terms, egress=egress)

    def told(self, progress: float | None) -> None:
        """Take in how far an attempt came."""
        self.done = max(self.done, progress or 0.0)

    def set_back(self) -> None:
        """Take in that an attempt ended without a model: what it had not saved is to be done again.

        The next attempt tells how much that was; until then, all that it may be.
        """
        undone = self.terms.lost / self.work if self.work else 0.0
        self.done = max(self.done - undone, 0.0)

    def took(self, choice: Choice) -> None:
        """Take in that an attempt was started where it was chosen to be."""
        self.kept_in = named(choice.zone, choice.machine)
        self._dry.pop(self.kept_in, None)

    def lived(self, choice: Choice, hours: float, *, lost: bool, passed: float) -> None:
        """Learn from a spot machine that was held for some hours, until ``passed``.

        Where it was lost there is thought to be none until the next look.
        """
        place, looks = named(choice.zone, choice.machine), max(1, round(hours / LOOK))
        self._see(place, 0.0, up=True)
        for _ in range(looks):
            self._see(place, hours / looks, up=True)
        if lost:
            self.dry(choice, passed)

    def dry(self, choice: Choice, passed: float) -> None:
        """Remember that there was no spot where it was chosen to be."""
        place = named(choice.zone, choice.machine)
        self._see(place, passed - self._dry.get(place, passed), up=False)
        self._dry[place] = passed

    def choose(self, passed: float) -> Choice:
        """Return what to do ``passed`` hours into the run."""
        decision = self.policy.choose(self._situation(passed, self._up(passed)))
        if not self.priced:
            decision = decision.model_copy(update={"expected_cost": None})
        name = decision.zone or next(iter(self.places))
        place = self.places[name]
        rate = max(self.policy.interruptions_per_hour(name), self.spot.interruptions_per_hour)
        return Choice(
            decision=decision,
            machine=place.machine,
            zone=place.zone,
            spot=decision.action is not Action.ON_DEMAND,
            interruptions_per_hour=round(rate, 4),
        )

    def may_stay(self, choice: Choice, passed: float) -> bool:
        """Whether spot can be kept for another look without putting the deadline at risk."""
        held = Machine(zone=named(choice.zone, choice.machine), spot=True)
        return may_hold(self._situation(passed, {}, held), self.terms, held)

    def _up(self, passed: float) -> Mapping[str, bool]:
        """Spot is thought to be there until a launch fails, and again from the next look on."""
        return {place: passed - at >= self.terms.step for place, at in self._dry.items()}

    def _situation(
        self, passed: float, up: Mapping[str, bool], machine: Machine | None = None
    ) -> Situation:
        return Situation(
            work_left=self.work * (1 - self.done),
            time_left=self.deadline - passed,
            offers=tuple(self._offer(name, up.get(name, True)) for name in self.places),
            machine=machine,
            kept_in=self.kept_in,
        )

    def _see(self, name: str, after: float, *, up: bool) -> None:
        self.policy.watch([self._offer(name, up)], after)

    def _offer(self, name: str, up: bool) -> Offer:
        place = self.places[name]
        return Offer(zone=name, up=up, spot=place.spot, on_demand=place.on_demand)
