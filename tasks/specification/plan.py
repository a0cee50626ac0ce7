"""What a release would do, in order, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from blocks.contracts import Frozen, Price
from tasks.specification.checks import Surroundings
from tasks.specification.spec import ReleaseSpec
from tasks.training.spec import SpotSpec

MONTH = Decimal(730)  # hours


class Line(Frozen):
    """One stage of a plan."""

    stage: str
    does: str
    costs: str


def plan(spec: ReleaseSpec, around: Surroundings) -> Iterator[Line]:
    """Yield one line per stage. A cost is an estimate from the platform's prices, or unknown."""
    data, rollout = spec.data, spec.rollout
    yield Line(stage="validate", does=f"{spec.validation.suite} over {data.train}", costs="nothing")
    yield _training(spec, around)
    against = "recent and held-out rows" if data.recent else "held-out rows"
    slices = f", by {', '.join(data.slices)}" if data.slices else ""
    yield Line(stage="evaluate", does=f"against {spec.alias} on {against}{slices}", costs="nothing")
    yield Line(stage="register", does=f"a new version of {spec.name}", costs="nothing")
    traffic = around.endpoints.traffic(rollout.endpoint)
    live = max(traffic.percent, key=traffic.share, default="")
    steps = " ".join(f"{step} %" for step in rollout.steps) if live else "100 % (no version before)"
    price = around.prices.price(rollout.machine)
    least = rollout.step_duration * (len(rollout.steps) - 1) + rollout.bake
    yield Line(
        stage="roll out",
        does=f"{rollout.endpoint}: {steps}; at least {least} beside {live or 'nothing'}",
        costs=_money(price, Decimal(least.total_seconds()) / 3600 * rollout.min_replicas)
        + " for the second fleet",
    )
    low, high = (_money(price, MONTH * n) for n in (rollout.min_replicas, rollout.max_replicas))
    yield Line(
        stage="serve",
        does=f"{rollout.min_replicas} to {rollout.max_replicas} x {rollout.machine}",
        costs=f"{low} a month" if low == high else f"{low} to {high} a month",
    )


def _training(spec: ReleaseSpec, around: Surroundings) -> Line:
    training = spec.training
    spot = training.spot or SpotSpec()
    price = around.prices.price(training.machine, spot=training.spot is not None)
    hours = Decimal(spot.expected_hours or training.max_duration.total_seconds() / 3600)
    kind = "spot" if training.spot else "on-demand"
    most = "" if spot.expected_hours else "at most "
    return Line(
        stage="train",
        does=f"{' '.join(training.command)} on {training.nodes} x {training.machine} ({kind})",
        costs=f"{most}{_money(price, hours * training.nodes)}",
    )


def _money(price: Price | None, hours: Decimal) -> str:
    return "unknown" if price is None else f"{price.per_hour * hours:.2f} {price.currency}"
