"""A monitor of simulated traffic, for looks as the flow takes them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from benchmarks.rollout.worlds import START, STEP_TICKS, TICK, Traffic, ticks
from blocks.contracts import (
    Monitor,
    MonitorFeatures,
    ObjectInfo,
    ProviderError,
    Sample,
    Unsupported,
    VariantTick,
    Window,
)


class SimulatedMonitor(Monitor):
    """Returns ticks that were simulated before."""

    provider: ClassVar[str] = "simulated"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=TICK, captures=False, mirrored=False
    )

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._step = -1
        self._kept: list[list[VariantTick]] = []  # of one step, blue's and green's
        self.seconds = 0.0  # of CPU, that making ticks took

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        first, last = (
            int((at - START).total_seconds()) // TICK for at in (window.start, window.end)
        )
        if first // STEP_TICKS != self._step:
            self._make(first // STEP_TICKS)
        places = slice(first % STEP_TICKS, first % STEP_TICKS + last - first)
        return [tick for kept in self._kept for tick in kept[places]]

    def _make(self, step: int) -> None:
        began, self._step = time.process_time(), step
        ends = step * STEP_TICKS, (step + 1) * STEP_TICKS
        sides = (self._traffic.blue, "blue"), (self._traffic.green, "green")
        self._kept = [list(ticks(side, name, *ends)) for side, name in sides]
        self.seconds += time.process_time() - began

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        return []

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        raise Unsupported("nothing is kept here")

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        return []
