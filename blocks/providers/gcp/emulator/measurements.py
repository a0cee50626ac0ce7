"""What an emulated project measures of its endpoints, by minute of the cloud's clock."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The values of one metric of one resource, by the end of their minute."""

    metric: str
    metric_labels: Mapping[str, str]
    resource: str
    resource_labels: Mapping[str, str]
    minutes: dict[float, list[float]] = field(default_factory=lambda: defaultdict(list))

    def told(self) -> Mapping[str, Any]:
        """Return it as filters read it."""
        return {
            "metric": {"type": self.metric, "labels": self.metric_labels},
            "resource": {"type": self.resource, "labels": self.resource_labels},
        }


class Measurements:
    """All series of a project. Safe to use from many threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        """``now`` tells the time by the cloud's clock."""
        self._now, self._lock = now, threading.Lock()
        self._all: dict[tuple[Any, ...], Series] = {}

    def keep(
        self,
        metric: str,
        value: float,
        labels: Mapping[str, str],
        *,
        of: tuple[str, Mapping[str, str]],
    ) -> None:
        """Keep a value of a metric with its labels; ``of`` is the resource and its labels."""
        resource, places = of
        key = (metric, *sorted(labels.items()), resource, *sorted(places.items()))
        minute = (math.floor(self._now() / MINUTE) + 1) * MINUTE
        with self._lock:
            if key not in self._all:
                self._all[key] = Series(
                    metric=metric,
                    metric_labels=dict(labels),
                    resource=resource,
                    resource_labels=dict(places),
                )
            self._all[key].minutes[minute].append(value)

    def series(self) -> list[Series]:
        """Return every series as it is now."""
        with self._lock:
            return list(self._all.values())
