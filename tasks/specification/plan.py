"""What a release would do, in order, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterator

from blocks.contracts import Frozen, Prices, VariantRequest
from tasks.costs.forecast import a_month, fleet_times, forecast, near_cost
from tasks.costs.money import Money, difference
from tasks.processing.spec import NearSpec
from tasks.rollout.journal import Event, Journal
from tasks.specification.checks import Surroundings
from tasks.specification.spec import ReleaseSpec


class Line(Frozen):
    """One stage of a plan."""

    stage: str
    does: str
    costs: str


def plan(spec: ReleaseSpec, around: Surroundings) -> Iterator[Line]:
    """Yield one line per stage. A cost is an estimate from the platform's prices, or unknown."""
    data, rollout = spec.data, spec.rollout
    traffic = around.endpoints.traffic(rollout.endpoint)
    live = max(traffic.percent, key=traffic.share, default="")
    costs = forecast(spec, around.prices, second_fleet=bool(live))
    does = f"{spec.validation.suite} over {data.train}"
    yield _looking("validate", does, spec.validation.near, around.prices)
    yield Line(stage="train", does=_training(spec), costs=_word(costs.training))
    against = "recent and held-out rows" if data.recent else "held-out rows"
    slices = f", by {', '.join(data.slices)}" if data.slices else ""
    does = f"against {spec.alias} on {against}{slices}"
    yield _looking("evaluate", does, spec.evaluation.near, around.prices)
    if (near := spec.watch.profile_near) is not None:
        yield _looking("profile", f"what is in {data.train}", near, around.prices)
    yield Line(stage="register", does=f"creates a version of {spec.name}", costs="nothing")
    yield Line(
        stage="roll out",
        does=_rollout(spec, live),
        costs=f"{_word(costs.rollout)} for the second fleet",
    )
    now = _now(spec, around)
    yield Line(
        stage="serve", does=_serving(spec, now), costs=_month(costs.per_month, now, around.prices)
    )
    if (near := spec.watch.near) is not None:
        does = f"windows of {spec.watch.window}, near the traffic on {near.machine}"
        cost = _word(near_cost(near, around.prices))
        yield Line(stage="watch", does=does, costs=f"{cost} a look")
    if costs.per_thousand is not None and spec.budget is not None:
        rate = spec.budget.requests_per_second
        yield Line(
            stage="predict",
            does=f"1,000 predictions, at {rate:g} requests of one row a second",
            costs=_word(costs.per_thousand),
        )
    yield Line(stage="in all", does="this release", costs=_word(costs.per_run))


def _looking(stage: str, does: str, near: NearSpec | None, prices: Prices) -> Line:
    """Return the line of a stage that reads data, here or near them."""
    if near is None:
        return Line(stage=stage, does=does, costs="nothing")
    where = f"{does}, near the data on {near.machine}"
    return Line(stage=stage, does=where, costs=_word(near_cost(near, prices)))


def _training(spec: ReleaseSpec) -> str:
    training = spec.training
    kind = "spot" if training.spot else "on-demand"
    command = f"{' '.join(training.command)} on {training.nodes} x {training.machine} ({kind})"
    if training.study is None:
        return command
    searched = ", ".join(training.study.parameters)
    aim = f"{training.study.goal}s {training.study.metric} over {searched}"
    return f"{training.study.trials} trials of {command}; {aim}"


def _rollout(spec: ReleaseSpec, live: str) -> str:
    rollout = spec.rollout
    if not live:
        return f"creates {rollout.endpoint}: 100 % (no version before)"
    steps = " ".join(f"{step} %" for step in rollout.steps)
    least, _ = fleet_times(rollout)
    return f"changes {rollout.endpoint}: {steps}; at least {least} beside {live}, then deletes it"


def _serving(spec: ReleaseSpec, now: VariantRequest | None) -> str:
    rollout = spec.rollout
    does = f"{rollout.min_replicas} to {rollout.max_replicas} x {rollout.machine}"
    if now is None:
        return does
    before = f"{now.min_replicas} to {now.max_replicas} x {now.machine}"
    return f"{does}, as now" if before == does else f"{does}; now {before}"


def _month(month: Money | None, now: VariantRequest | None, prices: Prices) -> str:
    """Return the costs of a month, and by how much they are more or less than now."""
    said = f"{_word(month)} a month"
    if now is None:
        return said
    before = a_month(prices, now.machine, now.min_replicas, now.max_replicas)
    change = difference(month, before)
    return f"{said} ({change} on what runs now)" if change else said


def _now(spec: ReleaseSpec, around: Surroundings) -> VariantRequest | None:
    """Return what was asked for the version that serves, from the journal of its rollout."""
    entries = Journal(around.store, spec.rollout.endpoint, by="plan").current()
    ended = bool(entries) and entries[-1].event is Event.FINISHED
    return entries[0].green if ended else None


def _word(money: Money | None) -> str:
    return "unknown" if money is None else str(money)
