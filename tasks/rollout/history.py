"""What blue predicted just before: the yardstick for the next moment, so it cannot know it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.rollout.batches import Counts
from tasks.rollout.evidence import Floats

LEAST = 100  # predictions of blue, below which there is no yardstick yet
TENTHS = 10
CELLS = TENTHS + 1  # the last for predictions that blue has never made
LARGEST = 4096  # kinds of predictions that are remembered


class PredictionHistory:
    """Tenths of blue's predictions so far, and how many fall into each, or none, next."""

    def __init__(self) -> None:
        self._blue: dict[str, int] = {}
        self._total = self._cut_at = 0
        self._places: dict[str, int] = {}

    def learn(self, blue: Counts) -> None:
        """Remember a moment of blue. Tenths are cut anew each time twice as much is known."""
        known = self._blue
        for bucket, count in blue.predictions.items():
            if bucket in known or len(known) < LARGEST:
                known[bucket] = known.get(bucket, 0) + count
                self._total += count
        if self._total >= max(LEAST, 2 * self._cut_at):
            self._cut_at = self._total
            self._cut()

    def cells(self, blue: Counts, green: Counts) -> tuple[Floats, Floats] | None:
        """Return predictions by cell, of blue and of green, weighted to at most one a request.

        The rows of one request are alike: they count once, however many there are. A power below
        one of a bet is still fair (Jensen).
        """
        if not self._cut_at:
            return None
        found = self._counted(blue), self._counted(green)
        return found if found[0].any() and found[1].any() else None

    def _cut(self) -> None:
        """Put the buckets in order and cut where a tenth of blue is full."""
        before = 0
        self._places = {}
        for bucket in sorted(self._blue, key=_order):
            middle = before + self._blue[bucket] / 2
            self._places[bucket] = min(int(middle / self._total * TENTHS), TENTHS - 1)
            before += self._blue[bucket]

    def _counted(self, counts: Counts) -> Floats:
        found = [0] * CELLS
        places: Mapping[str, int] = self._places
        for bucket, count in counts.predictions.items():
            place = places.get(bucket)
            found[TENTHS if place is None else place] += count
        weight = min(1.0, counts.requests / max(sum(found), 1))
        return np.array(found, float) * weight


def _order(bucket: str) -> tuple[int, float, str]:
    """Numbers by size, then labels by name."""
    try:
        return 0, float(bucket), ""
    except ValueError:
        return 1, 0.0, bucket
