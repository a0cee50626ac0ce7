"""While green's share moves: what both share does not blame it, and what is its own still does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from blocks.contracts import VariantTick, merge_ticks
from tasks.rollout.judge import Judge
from tasks.rollout.moves import Move, Moves
from tasks.rollout.verdict import Decision
from tests.unit.rollout.traffic import RULES, START, tick

REQUESTS, SHARE = 250, 0.5


def both(
    number: int, at: float, *, blue: float, green: float, slower: float = 1.0
) -> tuple[VariantTick, VariantTick]:
    """Return a tick in which green had a half from ``at`` on, and both were in trouble from then.

    ``blue`` and ``green`` are their error rates in trouble; before, nothing fails.
    """
    random = np.random.default_rng(number)
    mine = round(REQUESTS * (1 - at) * SHARE)
    calm, troubled = round(REQUESTS * at), round(REQUESTS * (1 - at)) - mine
    theirs = [
        tick(number, calm, random=random, variant="blue", errors=0.0),
        tick(number, troubled, random=random, variant="blue", errors=blue, slower=slower),
    ]
    known = tick(number, mine, random=random, errors=green, slower=slower)
    return merge_ticks(theirs[0].start, theirs), known


def decided(
    *, blue: float = 0.0, green: float = 0.0, slower: float = 1.0, told: bool = True
) -> set[Decision]:
    """Return what is decided in a step that begins late in a tick, which may be told."""
    judge, five = Judge(RULES), timedelta(seconds=5)
    moves, decisions = Moves(), set()
    if told:
        moves.add(Move(start=START + 0.8 * five, end=START + 0.9 * five, share=SHARE))
    for number in range(8):
        at = 0.8 if number == 0 else 0.0
        ticks = both(number, at, blue=blue, green=green, slower=slower)
        start = START + number * five
        judge.add(*ticks, highest=moves.highest(start, start + five))
        decisions.add(judge.decision)
    return decisions


@pytest.mark.parametrize("trouble", [{"blue": 0.9, "green": 0.9}, {"slower": 20.0}])
def test_an_incident_that_begins_as_green_is_given_more_does_not_blame_it(
    trouble: dict[str, Any],
) -> None:
    assert Decision.RETURN not in decided(**trouble)
    assert Decision.RETURN in decided(**trouble, told=False)


def test_a_version_that_fails_as_it_is_given_more_is_returned_by_that_very_tick() -> None:
    judge = Judge(RULES)
    judge.add(*both(0, 0.8, blue=0.0, green=0.9), highest=SHARE)
    assert judge.decision is Decision.RETURN


def test_ticks_shorter_than_a_piece_are_not_added_up_over_a_share_that_moves() -> None:
    """Nobody told of it; the incident begins with the tick that has the new share."""
    random, judge, decisions = np.random.default_rng(1), Judge(RULES), set()
    for second in range(40):
        moved = second >= 3
        trouble, green = (0.4, 60) if moved else (0.0, 3)
        pair = [
            tick(0, requests, random=random, variant=name, errors=trouble)
            for name, requests in (("blue", 120 - green), ("green", green))
        ]
        at = START + timedelta(seconds=second)
        judge.add(*(replace(each, start=at, seconds=1.0) for each in pair))
        decisions.add(judge.decision)
    assert Decision.RETURN not in decisions


def test_a_share_has_moved_within_a_tick_if_the_two_overlap() -> None:
    moves, second = Moves(), timedelta(seconds=1)
    assert moves.settled(START)
    moves.add(Move(start=START, end=START + 1.5 * second, share=0.05))
    moves.add(Move(start=START + 60 * second, end=START + 60 * second, share=0.25))
    shares = [moves.highest(START + at * second, START + (at + 1) * second) for at in (-1, 0, 1, 2)]
    assert shares == [0.0, 0.05, 0.05, 0.0]
    assert moves.highest(START + 59.5 * second, START + 60.5 * second) == 0.25
    assert not moves.settled(START + 61 * second)
    assert moves.settled(START + 70 * second)
