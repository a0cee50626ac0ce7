"""Who is in trouble, where users stay on one variant: each user counts once.

A user whose requests fail will see more of them fail, second by second and step by step. Whether
such a user is green's or blue's was one throw of the dice, so it is one event, at the first error
that either variant gives. Later ones say nothing new: counted again, three unlucky users would
return any version.
"""

from __future__ import annotations

from collections.abc import Sequence

from blocks.contracts import VariantTick

LARGEST = 16384  # users that are remembered; beyond, every other one counts


class Troubled:
    """Remembers users in trouble by the numbers that ticks give them. Constant memory."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._every = 1  # only users whose number is a multiple of it count

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def first(self, blue: Sequence[VariantTick], green: Sequence[VariantTick]) -> tuple[int, int]:
        """Return how many users of each are in trouble for the first time.

        Those that ticks count but do not number are taken for others each time.
        """
        every, known = self._every, self._known
        theirs, mine = _numbers(blue, every) - known, _numbers(green, every) - known
        known |= theirs
        known |= mine
        while len(known) > LARGEST:
            self._every *= 2
            known = {number for number in known if number % self._every == 0}
        self._known = known
        return len(theirs) + _nameless(blue), len(mine) + _nameless(green)


def _numbers(ticks: Sequence[VariantTick], every: int) -> set[int]:
    found = {number for tick in ticks for number in tick.erring}
    return found if every == 1 else {number for number in found if number % every == 0}


def _nameless(ticks: Sequence[VariantTick]) -> int:
    return sum(max(min(tick.erring_users, tick.users) - len(tick.erring), 0) for tick in ticks)
