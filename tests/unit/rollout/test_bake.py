"""After 100 percent: errors are counted over all looks, and what was counted is not read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from blocks.contracts import (
    Monitor,
    MonitorFeatures,
    ObjectInfo,
    ProviderError,
    Sample,
    VariantTick,
    Window,
)
from tasks.rollout.bake import Bake

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Written(Monitor):
    """Ticks that were written down; counts those that were read."""

    provider: ClassVar[str] = "written"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1, captures=False, mirrored=True
    )

    def __init__(self, ticks: Sequence[VariantTick]) -> None:
        self._all, self.read_so_far = ticks, 0

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        found = [tick for tick in self._all if window.start <= tick.start < window.end]
        self.read_so_far += len(found)
        return found

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        return []

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        return None

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        return []


def written(*, errors: int) -> Written:
    """Return a minute in which green answers ten requests a second, so many of them badly."""
    return Written(
        [
            VariantTick(
                start=START + second * timedelta(seconds=1),
                seconds=1.0,
                variant=variant,
                requests=10,
                errors=errors if variant == "green" else 10,
            )
            for second in range(60)
            for variant in ("blue", "green")
        ]
    )


def bake(monitor: Monitor) -> Bake:
    return Bake(monitor, "e", green="green", start=START, limit=0.05)


def test_what_was_counted_is_not_read_again() -> None:
    monitor = written(errors=0)
    looked = bake(monitor)
    for second in range(1, 61):
        assert looked.again(START + timedelta(seconds=second)) == ""
    assert monitor.read_so_far == 120


def test_errors_add_up_over_the_looks_until_they_are_surely_too_many() -> None:
    looked = bake(written(errors=1))
    said = [looked.again(START + timedelta(seconds=second)) for second in range(1, 61)]
    assert said[0] == ""
    assert said[-1] == "60 of 600 requests failed at 100 %, the limit is 5%"


def test_many_short_looks_come_to_the_same_as_one_long_one() -> None:
    looked = bake(written(errors=1))
    for second in range(1, 60):
        looked.again(START + timedelta(seconds=second))
    assert looked.again(START + MINUTE) == bake(written(errors=1)).again(START + MINUTE)
