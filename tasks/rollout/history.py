"""What blue did just before: the yardstick for the next tick, so it cannot know what comes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blocks.contracts import VariantTick

Floats = NDArray[np.float64]

MEMORY = 60.0  # seconds of blue that the latency yardstick is made of
LEAST = 100  # requests of blue, below which there is no yardstick yet


class LatencyHistory:
    """Quantiles of blue's latest minute, and who exceeds them in the next tick.

    ``shift`` buckets of latency are forgiven to green: the accepted growth.
    """

    def __init__(self, quantiles: Sequence[float], *, shift: int) -> None:
        self._quantiles, self._shift = quantiles, shift
        self._ticks: deque[VariantTick] = deque()
        self._total: Counter[int] = Counter()
        self._seconds = 0.0
        self._edges: list[int] | None = None

    def learn(self, blue: VariantTick) -> None:
        """Remember a tick of blue, and forget what is too old."""
        self._ticks.append(blue)
        self._total.update(blue.latency)
        self._seconds += blue.seconds
        while self._seconds - self._ticks[0].seconds >= MEMORY:
            old = self._ticks.popleft()
            self._total.subtract(old.latency)
            self._seconds -= old.seconds
        self._edges = self._quantile_edges()

    def exceed(self, blue: VariantTick, green: VariantTick) -> tuple[list[float], list[float]]:
        """Return how many answers of blue and of green are slower than each quantile."""
        if self._edges is None:
            none = [0.0] * len(self._quantiles)
            return none, none
        over = [_over(blue.latency, edge) for edge in self._edges]
        return over, [_over(green.latency, edge + self._shift) for edge in self._edges]

    def _quantile_edges(self) -> list[int] | None:
        buckets = sorted(bucket for bucket, count in self._total.items() if count > 0)
        counts = np.array([self._total[bucket] for bucket in buckets])
        if counts.sum() < LEAST:
            return None
        cumulative = np.cumsum(counts) / counts.sum()
        found = np.searchsorted(cumulative, self._quantiles)
        return [buckets[min(int(index), len(buckets) - 1)] + 1 for index in found]


class PredictionHistory:
    """Tenths of blue's predictions so far, and how many fall into each in the next tick."""

    def __init__(self, tenths: int) -> None:
        self._tenths = tenths
        self._blue: Counter[str] = Counter()
        self._seen = np.zeros((2, tenths))

    def learn(self, blue: VariantTick) -> None:
        """Remember a tick of blue."""
        self._blue.update(blue.predictions)

    def tenths(self, blue: VariantTick, green: VariantTick) -> tuple[Floats, Floats] | None:
        """Return predictions by tenth, of blue and of green, weighted to one a request."""
        if sum(self._blue.values()) < LEAST or not blue.predictions or not green.predictions:
            return None
        places = self._places()
        found = [self._counted(tick, places) for tick in (blue, green)]
        self._seen += np.vstack(found)
        return found[0], found[1]

    def ratio(self, tenth: int) -> float:
        """Return green's share of a tenth, relative to blue's."""
        totals = self._seen.sum(axis=1)
        if not totals.all() or not self._seen[0, tenth]:
            return 1.0
        return float(self._seen[1, tenth] / totals[1] / (self._seen[0, tenth] / totals[0]))

    def _places(self) -> Mapping[str, int]:
        """Return the tenth of each bucket: buckets in order, cut where a tenth of blue is full."""
        order = sorted(self._blue, key=_order)
        total = sum(self._blue.values())
        places, before = {}, 0
        for bucket in order:
            middle = before + self._blue[bucket] / 2
            places[bucket] = min(int(middle / total * self._tenths), self._tenths - 1)
            before += self._blue[bucket]
        return places

    def _counted(self, tick: VariantTick, places: Mapping[str, int]) -> Floats:
        counts = np.zeros(self._tenths)
        last: int = 0
        for bucket in sorted(tick.predictions, key=_order):
            last = places.get(bucket, last)  # a new value belongs to its nearest known one below
            counts[last] += tick.predictions[bucket]
        weight = min(1.0, tick.requests / max(float(counts.sum()), 1.0))
        return np.multiply(counts, weight)


def _over(latency: Mapping[int, int], edge: int) -> float:
    return float(sum(count for bucket, count in latency.items() if bucket >= edge))


def _order(bucket: str) -> tuple[int, float, str]:
    """Numbers by size, then labels by name."""
    try:
        return 0, float(bucket), ""
    except ValueError:
        return 1, 0.0, bucket
