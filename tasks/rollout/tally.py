"""What both did since a while ago, by kind of event, for what needs no quick reaction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.rollout.batches import same_share
from tasks.rollout.evidence import Floats

SECONDS = 30.0


@dataclass(slots=True, kw_only=True)
class Tally:
    """Events of each kind, of green and blue, out of how many requests (or users, predictions)."""

    events: Floats  # (2, kinds)
    of: Floats
    seconds: float = 0.0

    @classmethod
    def empty(cls, kinds: int) -> Tally:
        """Return one with nothing in it."""
        return cls(events=np.zeros((2, kinds)), of=np.zeros((2, kinds)))

    def add(self, other: Tally) -> None:
        """Add what was done later."""
        self.events += other.events
        self.of += other.of
        self.seconds += other.seconds

    @property
    def share(self) -> Floats:
        """Green's share, (kinds,); about a half where there is nothing."""
        of = self.of + 1e-9
        share: Floats = of[0] / (of[0] + of[1])
        return share

    def fits(self, other: Tally) -> bool:
        """Whether the two may be added: green's share must not have moved between them."""
        if self.seconds + other.seconds > SECONDS:
            return False
        (green, blue), (greens, blues) = self.of[:, 1].tolist(), other.of[:, 1].tolist()
        return same_share((green, green + blue), (greens, greens + blues))
