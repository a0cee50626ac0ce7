"""What a release is going to cost, from the platform's prices and the specification alone.

Nothing is started and nothing is measured. The lower bound is what is expected if all goes well,
and nothing where nobody says how long the training takes; the upper bound is what it costs if every
limit of the specification is used up.
"""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal

from blocks.contracts import Prices
from blocks.workload.interval import UNKNOWN_SAVE, best_interval
from tasks.costs.money import Money, Parts, priced, total
from tasks.processing.spec import NearSpec
from tasks.rollout.spec import RolloutSpec
from tasks.specification.spec import ReleaseSpec
from tasks.training.spec import SpotSpec, TrainingSpec

MONTH = timedelta(hours=730)
UNKNOWN = timedelta(0)


class Forecast(Parts):
    """Expected costs."""

    per_month: Money | None  # of the endpoint, from min to max replicas
    per_thousand: Money | None  # predictions, at the load that the budget states; None without one

    @property
    def per_run_expected(self) -> Decimal | None:
        """What to reckon with for all of it; None if a price is unknown."""
        if self.training is None or self.rollout is None:
            return None
        near = self.near.expected if self.near else Decimal(0)
        return self.training.expected + self.rollout.expected + near


def forecast(spec: ReleaseSpec, prices: Prices, *, second_fleet: bool = True) -> Forecast:
    """Return what a release costs. ``second_fleet``: another version serves while it rolls out."""
    rollout = spec.rollout
    price = prices.price(rollout.machine)
    month = a_month(prices, rollout.machine, rollout.min_replicas, rollout.max_replicas)
    least, most = fleet_times(rollout) if second_fleet else (timedelta(0), timedelta(0))
    return Forecast(
        training=training_cost(spec.training, prices),
        rollout=priced(price, least, most, max(rollout.min_replicas, 1)),
        near=total(near_cost(each, prices) for each in spec.near()),
        per_month=month,
        per_thousand=_per_thousand(spec, month),
    )


def near_cost(near: NearSpec, prices: Prices) -> Money | None:
    """Return what a job near the data costs: nobody says how long it takes, only at most."""
    return priced(prices.price(near.machine), UNKNOWN, near.max_duration, 1)


def a_month(prices: Prices, machine: str, least: int, most: int) -> Money | None:
    """Return what an endpoint of so many replicas, least and most, costs a month."""
    price = prices.price(machine)
    low, high = (priced(price, MONTH, MONTH, count) for count in (least, most))
    if low is None or high is None:
        return None
    return Money(low=low.low, high=high.high, currency=low.currency)


def training_cost(spec: TrainingSpec, prices: Prices) -> Money | None:
    """Return what the attempts at training cost.

    With spot, the upper bound is every attempt allowed at its longest, the last one on-demand, and
    as often as it may fail; a spot price that nobody knows lies between nothing and that on-demand.
    """
    on_demand = prices.price(spec.machine)
    machines = spec.nodes * spec.trials
    failing = spec.max_duration * (1 + spec.failures_allowed)
    if spec.spot is None:
        least = timedelta(hours=spec.expected_hours or 0.0)
        return priced(on_demand, least, max(least, failing), machines)
    spot = prices.price(spec.machine, spot=True)
    expected = spot_time(spec.spot) if spot is not None else None
    lost = spec.max_duration * spec.spot.interruptions_allowed
    low = priced(spot or on_demand, expected or UNKNOWN, expected or UNKNOWN, machines)
    last = on_demand if spec.spot.last_on_demand or spot is None else spot
    high = total(
        [
            priced(spot or on_demand, lost, lost, machines),
            priced(last, failing, failing, machines),
        ]
    )
    if low is None or high is None:
        return None
    return Money(low=low.low, high=max(low.low, high.high), currency=low.currency)


def spot_time(spot: SpotSpec) -> timedelta | None:
    """Return the machine time that work with checkpoints is expected to take; None if unknown.

    The work is saved at Daly's interval; each interruption loses what came after the last save,
    and a launch. J. T. Daly, "A higher order estimate of the optimum checkpoint interval for
    restart dumps", FGCS 22 (2006).
    """
    if spot.expected_hours is None:
        return None
    between = 3600 / spot.interruptions_per_hour
    interval = best_interval(UNKNOWN_SAVE, between)
    work, launch = spot.expected_hours * 3600, spot.launch.total_seconds()
    segment = min(interval, work)
    grown = between * math.exp(launch / between) * math.expm1((segment + UNKNOWN_SAVE) / between)
    return timedelta(seconds=launch + work / segment * grown)


def fleet_times(spec: RolloutSpec) -> tuple[timedelta, timedelta]:
    """Return how long two versions are up together: at least, and at most."""
    shadow = spec.shadow.duration if spec.shadow else timedelta(0)
    steps = len(spec.steps) - 1
    least = shadow + steps * spec.step_duration + spec.bake
    longest = shadow + steps * max(spec.patience, spec.step_duration) + spec.bake
    return least, spec.deploy_within + longest


def _per_thousand(spec: ReleaseSpec, month: Money | None) -> Money | None:
    rate = spec.budget.requests_per_second if spec.budget else None
    if rate is None or month is None:
        return None
    thousands = Decimal(rate * MONTH.total_seconds() / 1000)
    return Money(low=month.low / thousands, high=month.high / thousands, currency=month.currency)
