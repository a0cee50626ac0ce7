"""One scoring at a time into one place: whoever comes next sees the one before to its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

from blocks.contracts import BatchRequest, Conflict, Frozen, ObjectStore, ProviderError
from tasks.batch.record import Scoring, place_of
from tasks.memory import recall


class Turn(Frozen):
    """A run that may write to a place, and what it was asked."""

    run: str
    request: BatchRequest


def take_turn(
    store: ObjectStore, run: str, request: BatchRequest, *, finish: Callable[[Turn], None]
) -> None:
    """Return when this run, and no other, may write to its output.

    A run that has the turn and did not end, because it goes on or was cut off, is given to
    ``finish`` first. Raises Conflict for one that may go on and cannot be finished.
    """
    place = f"{store.root}/turns/{hashlib.sha256(_output(request).encode()).hexdigest()[:16]}"
    while True:
        taken = sorted(each.uri for each in store.walk(place))
        last = Turn.model_validate_json(store.read(taken[-1])) if taken else None
        if last is not None and last.run == run:
            return
        if last is not None:
            _see_through(store, last, finish)
        mine = Turn(run=run, request=request).model_dump_json().encode()
        try:
            store.write(f"{place}/{len(taken):06d}.json", mine, only_if_absent=True)
        except Conflict:
            continue  # somebody else was next
        return


def _see_through(store: ObjectStore, turn: Turn, finish: Callable[[Turn], None]) -> None:
    """Bring a run to its end, unless it is over."""
    scoring = recall(store, place_of(store, turn.run), Scoring)
    if scoring is None or scoring.ended is not None:
        return
    try:
        finish(turn)
    except ProviderError as error:
        until = scoring.begun + turn.request.max_duration
        if error.retryable:
            raise
        if datetime.now(UTC) < until:
            raise Conflict(
                f"run {turn.run} may still write to {turn.request.output_uri} and cannot be "
                f"brought to its end ({error}); name another output, or ask again after "
                f"{until:%Y-%m-%d %H:%M} UTC",
                code="OUTPUT_IN_USE",
            ) from error


def _output(request: BatchRequest) -> str:
    return request.output_uri.rstrip("/")
