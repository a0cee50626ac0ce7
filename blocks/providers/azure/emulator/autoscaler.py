"""Adds instances to deployments that are busy, and takes them from those that are not.

As Azure Monitor does it: one rule to grow is enough, all rules to shrink have to be true, nothing
is changed for a while after a change, and nothing shrinks that would have to grow at once.
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-understanding-settings
"""

from __future__ import annotations

import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from blocks.emulation.recurring import Recurring
from blocks.providers.azure.emulator.autoscale import Autoscale, Setting
from blocks.providers.azure.emulator.job import seconds
from blocks.providers.azure.emulator.online_endpoint import Deployed, OnlineEndpoint, capacity
from blocks.providers.azure.emulator.operations import Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

_IS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}
_OVER_TIME: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": statistics.fmean,
    "Minimum": min,
    "Maximum": max,
    "Total": sum,
    "Last": lambda values: values[-1],
}

Resize = Callable[[OnlineEndpoint, Deployed, int], Any]


class Autoscaler:
    """Looks at every setting each minute, in a thread of its own from the first one on."""

    def __init__(self, world: World, autoscale: Autoscale, resize: Resize) -> None:
        self._world, self._autoscale, self._resize = world, autoscale, resize
        self._minute = world.metrics.minute
        autoscale.begin = Recurring(world, self._look, every=self._minute).begin

    def _look(self) -> None:
        with self._world.lock:
            for setting, endpoint, deployed in self._autoscale.all():
                self._look_at(setting, endpoint, deployed)

    def _look_at(self, setting: Setting, endpoint: OnlineEndpoint, deployed: Deployed) -> None:
        now, size = self._world.clock.now(), capacity(deployed.body)
        wanted = min(max(size, setting.bounds[0]), setting.bounds[-1])
        if wanted == size and now >= setting.still_until:
            change, rule = self._thought(setting, size)
            wanted = min(max(size + change, setting.bounds[0]), setting.bounds[-1])
            still = seconds(rule["scaleAction"]["cooldown"]) if rule else 0.0
        else:
            still = 0.0
        if wanted == size:
            return
        try:
            self._resize(endpoint, deployed, wanted)
        except AzureError:
            return  # it is being changed just now: at the next look
        setting.still_until = now + still * self._minute / 60

    def _thought(self, setting: Setting, size: int) -> tuple[int, Said | None]:
        """Return by how many instances it should change, and the rule that says so."""
        by = {
            direction: [
                rule
                for rule in setting.profile["rules"]
                if rule["scaleAction"]["direction"] == direction
            ]
            for direction in ("Increase", "Decrease")
        }
        growing = [rule for rule in by["Increase"] if self._strikes(setting, rule, size)]
        if growing:
            rule = max(growing, key=_count)
            return _count(rule), rule
        shrinking = by["Decrease"]
        if not shrinking or not all(self._strikes(setting, rule, size) for rule in shrinking):
            return 0, None
        rule = min(shrinking, key=_count)
        after = size - _count(rule)
        if after < 1 or any(self._strikes(setting, each, size, after) for each in by["Increase"]):
            return 0, None
        return -_count(rule), rule

    def _strikes(self, setting: Setting, rule: Said, size: int, after: int = 0) -> bool:
        """Whether a rule is true, or would be with ``after`` instances that do the same work."""
        trigger = rule["metricTrigger"]
        value = self._value(setting, trigger)
        if value is None:
            return False
        if trigger.get("dividePerInstance"):
            value /= size
        if after:
            value *= size / after
        return _IS[trigger["operator"]](value, trigger["threshold"])

    def _value(self, setting: Setting, trigger: Said) -> float | None:
        metrics = self._world.metrics
        last = metrics.number(self._world.clock.now())
        numbers = range(last - round(seconds(trigger["timeWindow"]) / 60), last)
        found = metrics.of_deployment(
            setting.endpoint, setting.deployment, trigger["metricName"], numbers, lambda _: True
        )
        if 2 * len(found) < len(numbers):
            return None  # it has not been there for long enough
        values = [value for _, value in sorted(found.items())]
        return float(_OVER_TIME[trigger["timeAggregation"]](values))


def _count(rule: Said) -> int:
    return int(rule["scaleAction"].get("value") or 1)
