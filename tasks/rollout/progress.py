"""How far a rollout is, for people who look at it while it lasts."""

from __future__ import annotations

from tasks import showing
from tasks.rollout.journal import Event

REACHED = {
    Event.BEGUN: 0.05,
    Event.READY: 0.1,
    Event.SHADOW: 0.15,
    Event.LIVE: 0.9,
    Event.RETURNING: 0.9,
    Event.RETURNED: 1.0,
    Event.FINISHED: 1.0,
}
"""Shares of the way; steps lie between."""


class RolloutProgress:
    """The bar beside the run; it is made once there is something to show."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: showing.Progress | None = None

    def at(self, event: Event, percent: int) -> None:
        """Move the bar to what the journal says now; ``percent`` is green's share, at a step."""
        reached = 0.2 + 0.006 * percent if event is Event.STEP else REACHED.get(event)
        self._bar = self._bar or showing.Progress(self._title)
        if reached is not None:
            self._bar.set(reached)
