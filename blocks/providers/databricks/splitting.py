"""Moves the traffic of an endpoint: exactly one of two that move it at once wins.

Databricks compares nothing before it takes a configuration. So a move is written down first, by who
has read what it replaces; whoever looks at the endpoint then brings it into force.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from blocks.cloud.documents import Documents
from blocks.contracts import Conflict, Traffic
from blocks.providers.databricks.endpoint_calls import is_ready, served_in, to_traffic
from blocks.providers.databricks.steering import Seen
from blocks.providers.databricks.wanted import Move, Wanted


def wish(
    wishes: Documents[Wanted],
    seen: Seen | None,
    endpoint: str,
    shares: Mapping[str, int],
    *,
    etag: str,
) -> str:
    """Write a move down, if traffic is still as ``etag`` says; return its word. Raises Conflict.

    The same question, asked again by who got no answer, is the same move.
    """
    for name in shares:
        _require_ready(seen, name)
    there = seen.endpoint if seen else None
    move = Move(word=uuid.uuid4().hex[:12], percent=shares, since=etag)

    def how(now: Wanted) -> Wanted:
        if now.move and (now.move.percent, now.move.since) == (shares, etag):
            return now
        if (traffic := to_traffic(now, there)).etag != etag:
            raise _moved(endpoint, traffic)
        if gone := [name for name in shares if name not in now.staying()]:
            raise Conflict(f"variant {gone[0]!r} is being taken down", code="NOT_READY")
        return now.model_copy(update={"move": move})

    after = wishes.change(endpoint, how).move
    return after.word if after else ""


def is_over(seen: Seen, word: str) -> bool:
    """Whether nothing more will come of a move."""
    move = seen.wanted.move
    return move is None or move.word != word or move.done


def in_force(seen: Seen | None, endpoint: str, word: str) -> Traffic:
    """Return the split after a move that is over. Raises Conflict if it is not that move's."""
    move = seen.wanted.move if seen else None
    traffic = to_traffic(seen.wanted if seen else None, seen.endpoint if seen else None)
    if move is not None and move.word == word and move.failure:
        raise Conflict(f"traffic of {endpoint!r}: {move.failure}", code="UPDATE_FAILED")
    if move is None or move.word != word or traffic.percent != move.percent:
        raise _moved(endpoint, traffic)
    return traffic


def busy(endpoint: str, variant: str) -> Conflict:
    """Return what is said to who would take down a variant that is asked."""
    return Conflict(
        f"variant {variant!r} of {endpoint!r} has traffic; move it away first", code="TRAFFIC"
    )


def _require_ready(seen: Seen | None, name: str) -> None:
    """Raise Conflict for a variant that cannot be asked."""
    wanted = seen.wanted.staying().get(name) if seen else None
    if seen is None or wanted is None or not is_ready(served_in(seen.endpoint, wanted)):
        raise Conflict(f"variant {name!r} is not ready for traffic", code="NOT_READY")


def _moved(name: str, now: Traffic) -> Conflict:
    return Conflict(
        f"traffic of {name!r} was moved meanwhile, to {dict(now.percent)}; read it again",
        code="ETAG",
    )
