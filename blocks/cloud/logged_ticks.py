"""Ticks out of a log: which of them are complete, so that they will never change again.

A line may reach the log late, and the log says when that was. A line that came more than
``settle`` seconds after its tick's start counts for the later tick that was still open then. So no
count is lost, and every reader comes to the same ticks at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from blocks.contracts import VariantTick, Window, merge_ticks

TICK = "[bluewater] tick="  # begins a line of the log that is a tick
SLACK = timedelta(minutes=2)  # that a line may be on its way


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTick:
    """One line of a log."""

    tick: VariantTick
    arrived: float  # seconds since the epoch


def to_logged_tick(line: str, *, arrived: float) -> LoggedTick:
    """Read a line that begins with ``TICK``; when it reached the log is in seconds."""
    tick = VariantTick.from_json(line.removeprefix(TICK))
    return LoggedTick(tick=tick, arrived=arrived)


def sealed(
    lines: Iterable[LoggedTick], window: Window, *, settle: int, now: datetime
) -> Sequence[VariantTick]:
    """Return the ticks of a window to which no line can be added any more, oldest first."""
    merged: dict[tuple[int, str, bool], list[VariantTick]] = {}
    for line in lines:
        second = max(int(line.tick.start.timestamp()), int(line.arrived) - settle)
        complete = second + 1 + settle <= now.timestamp()
        if complete and window.start <= _moment(second) < window.end:
            key = (second, line.tick.variant, line.tick.mirrored)
            merged.setdefault(key, []).append(line.tick)
    return [merge_ticks(_moment(key[0]), merged[key]) for key in sorted(merged)]


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
