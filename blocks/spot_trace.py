"""Files that say when a spot market takes machines back."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from blocks.contracts import Frozen, InvalidRequest


class Tape(Frozen):
    """What a trace file holds: lifetimes, or ticks."""

    lifetimes: tuple[float, ...] = ()
    gap_seconds: float = 0.0
    data: tuple[int, ...] = ()

    def tick(self, seconds: float) -> int:
        """Return how much can be held, ``seconds`` after the first tick; the end repeats."""
        index = max(0, min(int(seconds // self.gap_seconds), len(self.data) - 1))
        return self.data[index]

    def lost_after(self, seconds: float) -> float | None:
        """Return when, counted from the first tick, capacity held then is lost, if ever."""
        first = max(0, int(seconds // self.gap_seconds))
        for index in range(first, len(self.data)):
            if not self.data[index]:
                return max(index * self.gap_seconds, seconds)
        return None


def load(trace: Path) -> Tape:
    """Read a trace file. Raises InvalidRequest that says what it should look like."""
    try:
        raw = trace.read_bytes()
        value: Any = json.loads(gzip.decompress(raw) if trace.suffix == ".gz" else raw)
        if isinstance(value, list):
            return Tape(lifetimes=tuple(value))
        ticks = tuple(min(1, int(tick)) for tick in value["data"])
        return Tape(gap_seconds=value["gap_seconds"], data=ticks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(
            f"spot trace {trace} cannot be read ({error}); it must hold a list of lifetimes in "
            'seconds, or {"gap_seconds": number, "data": [0 or 1, ...]}',
            code="SPOT_TRACE",
        ) from error
