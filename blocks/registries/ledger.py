"""Compare-and-set from an append-only log, for registries that have none of their own.

Every wish to move an alias is appended, with the version it believes to replace. The log gives all
wishes one order, and a wish counts only if its belief was true when its turn came. So of two that
race exactly one counts, and everybody who reads the log sees the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from blocks.contracts import Frozen, Promotion


class Wish(Frozen):
    """One entry of the log: somebody wanted to move an alias."""

    number: int
    token: str  # names this very wish
    alias: str
    to: str
    replacing: str  # the version it was believed to point to; empty = nowhere
    at: datetime
    by: str


class Replay(Frozen):
    """What the log says: where each alias points, and every move that counted."""

    pointing: Mapping[str, str] = {}
    moves: tuple[Promotion, ...] = ()
    counted: frozenset[str] = frozenset()  # tokens of the wishes that counted

    def of(self, alias: str) -> tuple[Promotion, ...]:
        """Return the moves of one alias, oldest first."""
        return tuple(move for move in self.moves if move.alias == alias)


def replay(wishes: Iterable[Wish]) -> Replay:
    """Go through the log in order and let those wishes count whose belief was true.

    A wish that was appended twice, because a reply was lost, has its turn once.
    """
    pointing: dict[str, str] = {}
    moves: list[Promotion] = []
    had_their_turn: set[str] = set()
    counted: set[str] = set()
    for wish in sorted(wishes, key=lambda each: each.number):
        before = pointing.get(wish.alias, "")
        again = wish.token in had_their_turn
        had_their_turn.add(wish.token)
        if again or before != wish.replacing or before == wish.to:
            continue
        pointing[wish.alias] = wish.to
        counted.add(wish.token)
        moves.append(
            Promotion(
                alias=wish.alias, version=wish.to, replaced=before or None, at=wish.at, by=wish.by
            )
        )
    return Replay(pointing=pointing, moves=tuple(moves), counted=frozenset(counted))
