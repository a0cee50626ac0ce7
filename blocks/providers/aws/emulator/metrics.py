"""What CloudWatch is told of endpoints: for each minute that is over, one datum of each variant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from moto.backends import get_backend

from blocks.providers.aws.emulator.alarms import NAMESPACE, Alarms, Answered
from blocks.providers.aws.emulator.world import World

_MINUTE = 60
_UNITS = {
    "Invocations": "None",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
    "ModelLatency": "Microseconds",
}


class Metrics:
    """Publishes them before somebody looks, so that nothing has to wait for a minute to end."""

    def __init__(self, world: World, alarms: Alarms) -> None:
        self._world, self._alarms = world, alarms
        self._told = 0.0  # until which moment
        world.publish = self.publish

    def publish(self) -> None:
        """Tell of every minute that ended since the last time."""
        with self._world.lock:
            over = self._world.clock.now() // _MINUTE * _MINUTE
            heard = self._alarms.between(self._told, over)
            self._told = max(self._told, over)
            groups: dict[tuple[float, str, str], list[Answered]] = {}
            for each in heard:
                minute = each.at // _MINUTE * _MINUTE
                groups.setdefault((minute, each.endpoint, each.variant), []).append(each)
            data = [datum for key, some in groups.items() for datum in _data(*key, some)]
            backend: Any = get_backend("cloudwatch")[self._world.account][self._world.region]
            backend.put_metric_data(NAMESPACE, data)


def _data(
    minute: float, endpoint: str, variant: str, answers: Sequence[Answered]
) -> list[dict[str, Any]]:
    places = {"EndpointName": endpoint, "VariantName": variant}
    dimensions = [{"Name": name, "Value": value} for name, value in places.items()]
    return [
        {
            "MetricName": metric,
            "Dimensions": dimensions,
            "Timestamp": datetime.fromtimestamp(minute, UTC).replace(tzinfo=None),  # as moto has it
            "Unit": unit,
            "StatisticValues": _statistics([each.value(metric) for each in answers]),
        }
        for metric, unit in _UNITS.items()
    ]


def _statistics(values: Sequence[float | None]) -> dict[str, float]:
    known = [each for each in values if each is not None]
    return {
        "SampleCount": len(known),
        "Sum": math.fsum(known),
        "Minimum": min(known),
        "Maximum": max(known),
    }
