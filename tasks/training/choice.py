"""Before each attempt at a deadline: which machine, spot or not, or wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

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
    spot: bool
    interruptions_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A machine type that can do the work, and its prices per hour."""

    machine: str
    spot: float
    on_demand: float


def places(spec: TrainingSpec, spot: SpotSpec, prices: Prices) -> tuple[tuple[Place, ...], bool]:
    """Return the machine types whose prices are known, and True; or the first at nominal prices."""
    found = []
    for machine in dict.fromkeys((spec.machine, *spot.machines)):
        cheap, full = prices.price(machine, spot=True), prices.price(machine)
        if cheap is not None and full is not None:
            found.append(
                Place(
                    machine=machine,
                    spot=float(cheap.per_hour) * spec.nodes,
                    on_demand=float(full.per_hour) * spec.nodes,
                )
            )
    if found:
        return tuple(found), True
    return (Place(machine=spec.machine, spot=NOMINAL[0], on_demand=NOMINAL[1]),), False


class Chooser:
    """The spot policy over the machine types of one training run. Knows only what it was told."""

    def __init__(
        self, spec: TrainingSpec, spot: SpotSpec, prices: Prices, every: timedelta
    ) -> None:
        self.work = spot.expected_hours or 0.0
        self.deadline = (spot.deadline or timedelta(0)) / HOUR
        self.places, self.priced = places(spec, spot, prices)
        between = 3600 / spot.interruptions_per_hour
        self.terms = Terms(
            overhead=spot.launch / HOUR,
            step=every / HOUR,
            lost=min(best_interval(1.0, between) / 3600, self.work),
        )
        self.policy = SpotPolicy(self.terms)
        self.done = 0.0  # share of the work, as the attempts told it
        self._dry: dict[str, float] = {}  # machine: hours into the run when there was no spot

    def told(self, progress: float | None) -> None:
        """Take in how far an attempt came."""
        self.done = max(self.done, progress or 0.0)

    def lived(self, machine: str, hours: float, *, lost: bool) -> None:
        """Learn from a spot machine that was held for some hours."""
        looks = max(1, round(hours / LOOK))
        self.policy.watch(self._offers({machine: True}), 0.0)
        for _ in range(looks):
            self.policy.watch(self._offers({machine: True}), hours / looks)
        if lost:
            self.policy.watch(self._offers({machine: False}), 0.0)

    def dry(self, machine: str, passed: float) -> None:
        """Remember that there was no spot of a machine type."""
        self._dry[machine] = passed

    def choose(self, passed: float) -> Choice:
        """Return what to do ``passed`` hours into the run."""
        decision = self.policy.decide(self._situation(passed, self._up(passed)))
        if not self.priced:
            decision = decision.model_copy(update={"expected_cost": None})
        machine = decision.zone or self.places[0].machine
        return Choice(
            decision=decision,
            machine=machine,
            spot=decision.action is not Action.ON_DEMAND,
            interruptions_per_hour=round(self.policy.interruptions_per_hour(machine), 4),
        )

    def may_stay(self, machine: str, passed: float) -> bool:
        """Whether spot can be kept for another look without putting the deadline at risk."""
        held = Machine(zone=machine, spot=True)
        now = self._situation(passed, {}, held)
        return may_hold(now, self.terms, held)

    def _up(self, passed: float) -> Mapping[str, bool]:
        """Spot is thought to be there until a launch fails, and again from the next look on."""
        return {machine: passed - at >= self.terms.step for machine, at in self._dry.items()}

    def _situation(
        self, passed: float, up: Mapping[str, bool], machine: Machine | None = None
    ) -> Situation:
        return Situation(
            work_left=self.work * (1 - self.done),
            time_left=self.deadline - passed,
            offers=tuple(self._offers(up)),
            machine=machine,
        )

    def _offers(self, up: Mapping[str, bool]) -> Sequence[Offer]:
        return [
            Offer(
                zone=place.machine,
                up=up.get(place.machine, True),
                spot=place.spot,
                on_demand=place.on_demand,
            )
            for place in self.places
        ]
