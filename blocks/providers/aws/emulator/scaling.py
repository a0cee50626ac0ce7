"""Target tracking: variants grow while they have more to do than wanted, and shrink slowly."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.providers.aws.emulator.alarms import Alarms, Gauged
from blocks.providers.aws.emulator.endpoints import Endpoints
from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.scalable import BACKLOG, ScalableTargets, Target
from blocks.providers.aws.emulator.world import World

CONCURRENT = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
WAITING = "HasBacklogWithoutCapacity"
PERIODS: Mapping[str, float] = {CONCURRENT: 10.0, INVOCATIONS: 60.0, BACKLOG: 60.0}  # seconds
COOLDOWN = 300.0  # seconds after one change before the next, unless the policy says otherwise
_OUT_AFTER, _IN_AFTER = 3, 15  # periods above the target, or well below it
_BELOW = 0.9  # of the target: where shrinking begins
_SAMPLES = 10  # in a period


@dataclass(slots=True, kw_only=True)
class Tracked:
    """What was seen of one variant under one policy."""

    samples: list[float] = field(default_factory=list)  # requests in flight for each instance
    asked: int = 0  # requests before this period
    highs: int = 0
    lows: int = 0
    still_until: float = 0.0

    def hear(self, metric: float, wanted: float) -> bool:
        """Note what a period came to; return whether the size has to be thought over."""
        self.highs = self.highs + 1 if metric > wanted else 0
        self.lows = self.lows + 1 if metric < _BELOW * wanted else 0
        return self.highs >= _OUT_AFTER or self.lows >= _IN_AFTER


class Scaler:
    """Looks at every scaled variant, in a thread of its own from the first one on."""

    def __init__(
        self, world: World, endpoints: Endpoints, targets: ScalableTargets, alarms: Alarms
    ) -> None:
        self._world, self._endpoints, self._targets = world, endpoints, targets
        self._alarms = alarms
        self.backlog: Callable[[str], int] = lambda endpoint: 0  # what waits, or is worked on
        self._tracked: dict[tuple[str, str], Tracked] = {}
        self._began = False
        targets.begin = self._begin

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        clock, tick = self._world.clock, 0
        while True:
            pause = (self._world.settings.scaling_period or min(PERIODS.values())) / _SAMPLES
            if clock.wait(self._world.closing, until=clock.now() + pause):
                return
            tick += 1
            with self._world.lock:
                for target in self._targets.all():
                    self._step(target, tick)
                    for name, policy in target.policies.items():
                        self._look(target, name, policy, tick)

    def _look(self, target: Target, name: str, policy: Mapping[str, Any], tick: int) -> None:
        fleet = self._idle(target)
        if fleet is None:
            return
        tracked = self._tracked.setdefault((f"{target.endpoint}/{target.variant}", name), Tracked())
        tracked.samples.append(sum(each.flying for each in fleet.replicas) / max(1, fleet.count))
        metric = _metric_of(policy)
        if not _is_over(metric, tick):
            return
        value = self._value(metric, tracked, fleet)
        wanted = float(policy["TargetValue"])
        size = fleet.count
        if tracked.hear(value, wanted) and self._world.clock.now() >= tracked.still_until:
            size = math.ceil(max(1, fleet.count) * value / wanted)
        size = min(target.most, max(target.least, size))
        if size != fleet.count:
            word = "ScaleOutCooldown" if size > fleet.count else "ScaleInCooldown"
            self._resize(fleet, size, tracked, float(policy.get(word, COOLDOWN)))

    def _value(self, metric: str, tracked: Tracked, fleet: Fleet) -> float:
        """Return what a metric came to in the period that ends now, and begin the next one."""
        flying, asked = tracked.samples, fleet.asked - tracked.asked
        tracked.samples, tracked.asked = [], fleet.asked
        if metric == BACKLOG:
            return self.backlog(fleet.endpoint) / max(1, fleet.count)
        if metric == CONCURRENT:
            return sum(flying) / len(flying)
        return asked / max(1, fleet.count)

    def _step(self, target: Target, tick: int) -> None:
        """Measure whether something waits and nobody is there, and do what an alarm begins then."""
        fleet = self._idle(target)
        if fleet is None or not target.steps or not _is_over(BACKLOG, tick):
            return
        lacks = float(not fleet.count and self.backlog(fleet.endpoint) > 0)
        now = self._world.clock.now()
        told = Gauged(at=now, endpoint=fleet.endpoint, metric=WAITING, reading=lacks)
        self._alarms.hear(told)
        for name, policy in target.steps.items():
            key = (f"{target.endpoint}/{target.variant}", name)
            tracked = self._tracked.setdefault(key, Tracked())
            rings = self._alarms.ring_for(self._targets.policy_arn(target, name))
            if rings and now >= tracked.still_until:
                [step] = policy["StepAdjustments"]
                size = min(target.most, fleet.count + int(step["ScalingAdjustment"]))
                self._resize(fleet, size, tracked, float(policy.get("Cooldown", COOLDOWN)))

    def _idle(self, target: Target) -> Fleet | None:
        """Return the machines of a variant that can be resized now."""
        endpoint = self._endpoints.find(target.endpoint)
        if endpoint is None or endpoint.status != "InService":
            return None
        return next((each for each in endpoint.live() if each.name == target.variant), None)

    def _resize(self, fleet: Fleet, size: int, tracked: Tracked, still: float) -> None:
        tracked.still_until = self._world.clock.now() + still
        tracked.highs = tracked.lows = 0
        change = {"VariantName": fleet.name, "DesiredInstanceCount": size}
        try:
            self._endpoints.weigh(
                {"EndpointName": fleet.endpoint, "DesiredWeightsAndCapacities": [change]}
            )
        except AwsError:  # it is being changed just now: at the next look
            tracked.still_until = 0.0


def _metric_of(policy: Mapping[str, Any]) -> str:
    known = policy.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    return str(known or policy["CustomizedMetricSpecification"]["MetricName"])


def _is_over(metric: str, tick: int) -> bool:
    """Whether a period of a metric ends with that tick."""
    return tick % round(_SAMPLES * PERIODS[metric] / min(PERIODS.values())) == 0
