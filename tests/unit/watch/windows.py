"""Windows of an endpoint in which something was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blocks.contracts import Window
from tasks.watch.policy import Cause, Kind, RetrainRequest, Seen
from tasks.watch.spec import WatchSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPEC = WatchSpec()


def day(number: int) -> Window:
    return Window(start=START + number * DAY, end=START + (number + 1) * DAY)


def cause(subject: str = "x", effect: float = 0.2) -> Cause:
    return Cause(kind=Kind.INPUT, subject=subject, effect=effect, floor=0.1)


def seen(number: int, *causes: Cause, model: str = "m") -> Seen:
    return Seen(model=model, window=day(number), causes=causes)


def ignore(_: RetrainRequest) -> None: ...
