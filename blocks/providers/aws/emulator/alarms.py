"""CloudWatch alarms on what endpoints answer, evaluated as CloudWatch does it.

Simpler than the real service in two points: periods end now and not at full minutes, and alarms
on metrics that nothing here measures keep the state that SetAlarmState gave them.
"""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.backends import get_backend

from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

NAMESPACE = "AWS/SageMaker"
_KEPT = 200_000  # answers
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "SampleCount": len,
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer of an endpoint, as its metrics count it."""

    at: float  # of the cloud's clock
    endpoint: str
    variant: str
    config: str
    status: int
    seconds: float

    def value(self, metric: str) -> float | None:
        """Return what it adds to a metric; None for a metric that is not measured here."""
        kind = self.status // 100
        values = {
            "Invocations": 1.0,
            "Invocation4XXErrors": float(kind == 4),
            "Invocation5XXErrors": float(kind == 5),
            "ModelLatency": 1e6 * self.seconds,  # microseconds
        }
        return values.get(metric)

    def has(self, dimensions: Mapping[str, str]) -> bool:
        """Whether it counts under these dimensions."""
        mine = {
            "EndpointName": self.endpoint,
            "VariantName": self.variant,
            "EndpointConfigName": self.config,
        }
        return all(mine.get(name) == value for name, value in dimensions.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauged:
    """What a metric of an endpoint was at a moment."""

    at: float  # of the cloud's clock
    endpoint: str
    metric: str
    reading: float

    def value(self, metric: str) -> float | None:
        """Return what it adds to a metric; None to another one."""
        return self.reading if metric == self.metric else None

    def has(self, dimensions: Mapping[str, str]) -> bool:
        """Whether it counts under these dimensions."""
        return dimensions == {"EndpointName": self.endpoint}


class Alarms:
    """What endpoints answered lately, and the alarms on it."""

    def __init__(self, world: World) -> None:
        self._world, self._lock = world, threading.Lock()
        self._heard: deque[Answered | Gauged] = deque(maxlen=_KEPT)

    def hear(self, told: Answered | Gauged) -> None:
        """Note an answer, or a reading."""
        with self._lock:
            self._heard.append(told)

    def between(self, start: float, end: float) -> list[Answered]:
        """Return the answers from one moment, included, to another."""
        with self._lock:
            lately = list(self._heard)
        return [each for each in lately if isinstance(each, Answered) and start <= each.at < end]

    def require(self, names: Sequence[str]) -> None:
        """Raise AwsError for an alarm that is not there."""
        known = self._alarms()
        if missing := sorted({*names} - {*known}):
            told = f"Could not find the CloudWatch alarm(s) {', '.join(missing)}"
            raise AwsError("ValidationException", told)

    def ringing(self, names: Sequence[str]) -> list[str]:
        """Evaluate alarms, let CloudWatch tell their states, and return those in ALARM."""
        with self._world.lock:
            found = [each for name, each in self._alarms().items() if name in names]
            for each in found:
                state = self._state(each)
                if state is not None and state != each.state_value:
                    each.update_state("evaluated", "{}", state)
            return sorted(each.name for each in found if each.state_value == "ALARM")

    def ring_for(self, action: str) -> bool:
        """Evaluate the alarms that begin an action, and say whether one rings."""
        with self._world.lock:
            names = [
                name
                for name, each in self._alarms().items()
                if action in (each.alarm_actions or ())
            ]
            return bool(self.ringing(names))

    def _alarms(self) -> Mapping[str, Any]:
        backend = get_backend("cloudwatch")[self._world.account][self._world.region]
        alarms: Mapping[str, Any] = backend.alarms
        return alarms

    def _state(self, alarm: Any) -> str | None:
        """Return the state of an alarm by its newest periods; None if it is not ours to tell."""
        if alarm.namespace != NAMESPACE or alarm.metric_name is None:
            return None
        values = [self._datum(alarm, number) for number in range(alarm.evaluation_periods)]
        compare, treat = _COMPARED[alarm.comparison_operator], alarm.treat_missing_data
        known = [compare(each, alarm.threshold) for each in values if each is not None]
        if not known and treat in (None, "missing", "ignore"):
            return "INSUFFICIENT_DATA" if treat != "ignore" else None
        missing = values.count(None) if treat == "breaching" else 0
        needed = alarm.datapoints_to_alarm or alarm.evaluation_periods
        return "ALARM" if sum(known) + missing >= needed else "OK"

    def _datum(self, alarm: Any, number: int) -> float | None:
        end = self._world.clock.now() - number * alarm.period
        dimensions = {each.name: each.value for each in alarm.dimensions}
        with self._lock:
            lately = [each for each in self._heard if end - alarm.period < each.at <= end]
        values = [each.value(alarm.metric_name) for each in lately if each.has(dimensions)]
        told = [value for value in values if value is not None]
        return float(_STATISTICS[alarm.statistic](told)) if told else None
