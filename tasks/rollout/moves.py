"""While green's share moves, what both did in a tick is of no single share.

If an incident that both share begins as green is given more, most of green's requests of that tick
fail and few of blue's: by the share of the whole tick it looks as if green failed more often
(Simpson, The interpretation of interaction in contingency tables, Journal of the Royal Statistical
Society B 13, 1951). Green's share at each instant is at most the larger one, so errors are judged
by that one; latency, predictions and outcomes of that tick are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SETTLING = timedelta(seconds=10)
"""Requests under way are answered by then; and if nobody saw the split change, it has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Green's share changed to ``share`` (0 to 1) between ``start`` and ``end``."""

    start: datetime
    end: datetime
    share: float


class Moves:
    """All changes of green's share in a rollout."""

    def __init__(self) -> None:
        self._moves: list[Move] = []

    def add(self, move: Move) -> None:
        """Remember a change."""
        self._moves.append(move)

    def highest(self, start: datetime, end: datetime) -> float:
        """Return the largest share that green was given between two times, 0 if it did not move."""
        shares = [each.share for each in self._moves if each.start < end and each.end > start]
        return max(shares, default=0.0)

    def settled(self, start: datetime) -> bool:
        """Whether no change is, or was a short while before, at that time."""
        return all(start >= each.end + SETTLING for each in self._moves)
