"""What Azure Monitor counts of online endpoints, minute by minute.

Names, dimensions and aggregations are those of the service's own tables:
https://learn.microsoft.com/azure/machine-learning/monitor-azure-machine-learning-reference
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_KEPT = 360  # minutes
_MOST = 5000  # latencies of a minute that are kept

CPU, REQUESTS, LATENCY = "CpuUtilizationPercentage", "RequestsPerMinute", "RequestLatency"
_PERCENTILES = {f"{LATENCY}_P{each}": each for each in (50, 90, 95, 99)}
OF_DEPLOYMENTS: Mapping[str, tuple[str, ...]] = {  # metric -> what it can be taken apart by
    CPU: ("instanceId",),
    REQUESTS: ("envoy_response_code",),
    **dict.fromkeys(_PERCENTILES, ()),
}
OF_ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    REQUESTS: ("deployment", "statusCode", "statusCodeClass", "modelStatusCode"),
    LATENCY: ("deployment",),
    **dict.fromkeys(_PERCENTILES, ("deployment",)),
}
UNITS: Mapping[str, str] = {CPU: "Percent", REQUESTS: "Count"}  # all else are milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a deployment, as far as metrics tell it apart from others."""

    status: int
    model_status: int  # the container's own
    copied: bool  # of the live request that it is a copy of, nobody counts it


@dataclass(slots=True, kw_only=True)
class Minute:
    """What a deployment did in a minute."""

    number: int
    answers: Counter[Answer] = field(default_factory=Counter)
    seconds: list[tuple[float, bool]] = field(default_factory=list)  # and whether of a copy
    cpu: list[float] = field(default_factory=list)  # percent, of each machine at each look


Which = Callable[[Answer], bool]


class Metrics:
    """The last minutes of each deployment. Guarded by the world's lock."""

    def __init__(self, now: Callable[[], float], minute: float) -> None:
        self._now, self.minute = now, minute
        self._kept: dict[tuple[str, str], deque[Minute]] = {}

    def answered(self, endpoint: str, deployment: str, answer: Answer, seconds: float) -> None:
        """Count an answer."""
        minute = self._minute(endpoint, deployment)
        minute.answers[answer] += 1
        if len(minute.seconds) < _MOST:
            minute.seconds.append((seconds, answer.copied))

    def used(self, endpoint: str, deployment: str, percent: float) -> None:
        """Note how busy the processors of a machine are; it is there, then."""
        self._minute(endpoint, deployment).cpu.append(percent)

    def deployments(self, endpoint: str) -> Sequence[str]:
        """Return the deployments of an endpoint of which anything is known."""
        return [name for known, name in self._kept if known == endpoint]

    def number(self, moment: float) -> int:
        """Return which minute a moment is in."""
        return math.floor(moment / self.minute)

    def of_deployment(
        self, endpoint: str, deployment: str, metric: str, numbers: range, which: Which
    ) -> dict[int, float]:
        """Return the values of a metric in these minutes; a minute without any is left out."""
        found = self._between(endpoint, [deployment], numbers)
        return {
            key: value
            for key, each in found.items()
            if (value := self._of(metric, each, which)) is not None
        }

    def of_endpoint(
        self, endpoint: str, among: Sequence[str], metric: str, numbers: range, which: Which
    ) -> dict[int, float]:
        """Return the same of some deployments of an endpoint together, copies left out."""

        def live(answer: Answer) -> bool:
            return not answer.copied and which(answer)

        found = self._between(endpoint, among, numbers)
        return {
            key: value
            for key, each in found.items()
            if (value := self._of(metric, each, live)) is not None
        }

    def forget(self, endpoint: str, deployment: str) -> None:
        """Forget what one did that is gone."""
        self._kept.pop((endpoint, deployment), None)

    def _of(self, metric: str, minutes: Sequence[Minute], which: Which) -> float | None:
        if metric == REQUESTS:
            many = sum(n for each in minutes for it, n in each.answers.items() if which(it))
            return many * 60.0 / self.minute
        if metric == CPU:
            cpu = [value for each in minutes for value in each.cpu]
            return statistics.fmean(cpu) if cpu else None
        copies = which(Answer(status=0, model_status=0, copied=True))
        taken = sorted(
            s * 1000 for each in minutes for s, copied in each.seconds if copies or not copied
        )
        if not taken:
            return None
        if metric == LATENCY:
            return statistics.fmean(taken)
        return taken[math.ceil(len(taken) * _PERCENTILES[metric] / 100) - 1]

    def _between(
        self, endpoint: str, among: Sequence[str], numbers: range
    ) -> dict[int, list[Minute]]:
        found: dict[int, list[Minute]] = {}
        for name in among:
            for each in self._kept.get((endpoint, name), ()):
                if each.number in numbers:
                    found.setdefault(each.number, []).append(each)
        return found

    def _minute(self, endpoint: str, deployment: str) -> Minute:
        kept = self._kept.setdefault((endpoint, deployment), deque(maxlen=_KEPT))
        number = self.number(self._now())
        if not kept or kept[-1].number != number:
            kept.append(Minute(number=number))
        return kept[-1]
