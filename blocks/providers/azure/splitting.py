"""Which step brings the traffic of an endpoint nearer to what is wanted. Pure.

A request that Azure copies says nowhere that it is a copy, and its answer must not count as one
that a user saw. A deployment gets live requests or copies, never both, so its containers are told
which, before it begins: while they learn that, nobody gets copies.
"""

from __future__ import annotations

from enum import StrEnum

from blocks.contracts import Traffic
from blocks.providers.azure.wanted import WantedEndpoint


class Step(StrEnum):
    """What is to be done next."""

    NONE = "none"
    WAIT = "wait"  # for instance until the containers know who gets copies
    TAKE_OVER = "take-over"  # the split of Azure is the one to be wanted
    END_COPIES = "end-copies"
    MOVE_ALONE = "move-alone"  # move traffic, with no copies yet
    TELL = "tell"  # the containers, who will get copies
    MOVE = "move"


def next_step(wanted: WantedEndpoint, now: Traffic) -> Step:
    """Return the next step from the split that is in force; its etag names the move it was."""
    to = wanted.mirror.variant if wanted.mirror else ""
    if now.etag == wanted.move:
        return Step.NONE if now == wanted.traffic else Step.TAKE_OVER
    if _number(now.etag) > wanted.moves:
        return Step.WAIT  # what was read as wanted is so no longer
    if wanted.copied != to:
        if now.mirror is not None:
            return Step.END_COPIES
        return Step.MOVE_ALONE if to and now.share(to) else Step.TELL
    return Step.MOVE if wanted.learnt else Step.WAIT


def _number(move: str) -> int:
    number = move.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
