"""When to ask for a retrain: on effect and persistence, once, and not too often.

Pure: what was seen and asked so far goes in, a request or the reason against one comes out. A
request asks for an evaluation of a newly trained challenger; whether it serves is not decided here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from blocks.contracts import Frozen, Window
from tasks.watch.spec import WatchSpec

MONTH = timedelta(days=30)


class Kind(StrEnum):
    """What a cause is about."""

    INPUT = "input drift"
    PREDICTION = "prediction drift"
    ESTIMATE = "estimated performance"
    PERFORMANCE = "measured performance"


class Cause(Frozen):
    """One reason to retrain, as seen in one window."""

    kind: Kind
    subject: str  # a column, or a measure
    effect: float
    floor: float  # the smallest effect that matters

    @property
    def text(self) -> str:
        """The cause in words."""
        return f"{self.kind}: {self.subject} ({self.effect:.3g}, matters from {self.floor:.3g})"


class Seen(Frozen):
    """What was found in one window of one model; without causes, all was well."""

    model: str
    window: Window
    causes: tuple[Cause, ...] = ()


class RetrainRequest(Frozen):
    """Asks for a challenger, once. Plain JSON: it is the payload of the event."""

    id: str
    model: str
    window: Window  # the newest one in which the causes were seen
    reasons: tuple[str, ...]
    at: datetime
    told: int = 0  # how often before: what is told may be lost on the way


class Asked(Frozen):
    """A request that was made, and whether it has been answered."""

    request: RetrainRequest
    closed: bool = False


class Decision(Frozen):
    """A request, or why there is none."""

    request: RetrainRequest | None = None
    why_not: str = ""


def decide(
    seen: Sequence[Seen],
    asked: Sequence[Asked],
    spec: WatchSpec,
    *,
    model: str,
    now: datetime,
    because: Sequence[str] = (),
) -> Decision:
    """Return what to do about everything seen so far; ``asked`` is oldest first.

    ``because`` are reasons from elsewhere, e.g. that new data came: they need not persist. Whatever
    the reason, and whichever version serves, requests share one cooldown and one budget.
    """
    ours = [each for each in seen if each.model == model]
    reasons, window = persistent(ours, _since(asked, model), spec)
    if because:
        reasons, window = (*because, *reasons), Window(start=now - spec.window, end=now)
    if window is None:
        return Decision(why_not="no cause was seen often enough")
    if why_not := _refused(asked, spec, now):
        return Decision(why_not=why_not)
    text = f"{model}|{window.start.isoformat()}|{window.end.isoformat()}|{len(asked)}"
    request = RetrainRequest(
        id=hashlib.sha256(text.encode()).hexdigest()[:32],
        model=model,
        window=window,
        reasons=reasons,
        at=now,
    )
    return Decision(request=request)


def persistent(
    seen: Sequence[Seen], since: datetime | None, spec: WatchSpec
) -> tuple[tuple[str, ...], Window | None]:
    """Return the causes seen in k of the last n windows that began after ``since``, and the newest.

    A cause counts once in a window, however often it was reported.
    """
    windows: dict[tuple[datetime, datetime], dict[tuple[Kind, str], Cause]] = {}
    for each in seen:
        if since is None or each.window.start >= since:
            causes = windows.setdefault((each.window.start, each.window.end), {})
            for cause in each.causes:
                if cause.effect >= cause.floor:
                    causes[cause.kind, cause.subject] = cause
    last = sorted(windows)[-spec.of :]
    counts: dict[tuple[Kind, str], int] = {}
    newest: dict[tuple[Kind, str], Cause] = {}
    for window in last:
        for key, cause in windows[window].items():
            counts[key] = counts.get(key, 0) + 1
            newest[key] = cause
    found = sorted(key for key, count in counts.items() if count >= spec.persistence)
    if not found:
        return (), None
    start, end = max(window for window in last if any(key in windows[window] for key in found))
    reasons = tuple(f"{newest[key].text}, {counts[key]} of {len(last)} windows" for key in found)
    return reasons, Window(start=start, end=end)


def _since(asked: Sequence[Asked], model: str) -> datetime | None:
    """What led to one request is no reason for the next."""
    return max(
        (each.request.window.end for each in asked if each.request.model == model), default=None
    )


def _refused(asked: Sequence[Asked], spec: WatchSpec, now: datetime) -> str:
    for each in asked:
        if not each.closed and now < each.request.at + spec.in_flight:
            return f"request {each.request.id} of {each.request.at:%Y-%m-%d %H:%M} is in flight"
    if asked and now < asked[-1].request.at + spec.cooldown:
        return f"cooldown until {asked[-1].request.at + spec.cooldown:%Y-%m-%d %H:%M}"
    month = [each for each in asked if each.request.at > now - MONTH]
    if len(month) >= spec.retrains_per_month:
        return f"{len(month)} requests in 30 days; the budget is {spec.retrains_per_month}"
    return ""
