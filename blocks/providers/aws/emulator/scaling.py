"""Target tracking: variants grow while they have more to do than wanted, and shrink slowly."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.providers.aws.emulator.endpoints import Endpoints
from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.scalable import ScalableTargets, Target
from blocks.providers.aws.emulator.world import World

CONCURRENT = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
PERIODS: Mapping[str, float] = {CONCURRENT: 10.0, INVOCATIONS: 60.0}  # seconds
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

    def __init__(self, world: World, endpoints: Endpoints, targets: ScalableTargets) -> None:
        self._world, self._endpoints, self._targets = world, endpoints, targets
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
                    for name, policy in target.policies.items():
                        self._look(target, name, policy, tick)

    def _look(self, target: Target, name: str, policy: Mapping[str, Any], tick: int) -> None:
        endpoint = self._endpoints.find(target.endpoint)
        fleets = (
            [each for each in endpoint.live() if each.name == target.variant] if endpoint else []
        )
        if endpoint is None or not fleets or endpoint.status != "InService":
            return
        fleet = fleets[0]
        tracked = self._tracked.setdefault((f"{target.endpoint}/{target.variant}", name), Tracked())
        tracked.samples.append(sum(each.flying for each in fleet.replicas) / max(1, fleet.count))
        metric = str(policy["PredefinedMetricSpecification"]["PredefinedMetricType"])
        period = round(_SAMPLES * PERIODS[metric] / min(PERIODS.values()))
        if tick % period:
            return
        value = self._value(metric, tracked, fleet)
        wanted = float(policy["TargetValue"])
        size = fleet.count
        if tracked.hear(value, wanted) and self._world.clock.now() >= tracked.still_until:
            size = math.ceil(fleet.count * value / wanted)
        size = min(target.most, max(target.least, size))
        if size != fleet.count:
            self._resize(endpoint.name, fleet, size, tracked, policy)

    def _value(self, metric: str, tracked: Tracked, fleet: Fleet) -> float:
        """Return what a metric came to in the period that ends now, and begin the next one."""
        flying, asked = tracked.samples, fleet.asked - tracked.asked
        tracked.samples, tracked.asked = [], fleet.asked
        if metric == CONCURRENT:
            return sum(flying) / len(flying)
        return asked / max(1, fleet.count)

    def _resize(
        self, endpoint: str, fleet: Fleet, size: int, tracked: Tracked, policy: Mapping[str, Any]
    ) -> None:
        word = "ScaleOutCooldown" if size > fleet.count else "ScaleInCooldown"
        tracked.still_until = self._world.clock.now() + float(policy.get(word, COOLDOWN))
        tracked.highs = tracked.lows = 0
        change = {"VariantName": fleet.name, "DesiredInstanceCount": size}
        try:
            self._endpoints.weigh(
                {"EndpointName": endpoint, "DesiredWeightsAndCapacities": [change]}
            )
        except AwsError:  # it is being changed just now: at the next look
            tracked.still_until = 0.0
