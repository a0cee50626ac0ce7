"""What a run has found out already, so that a replay neither repeats nor contradicts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from blocks.contracts import Conflict, Frozen, NotFound, ObjectStore

T = TypeVar("T", bound=Frozen)


def remember(store: ObjectStore, uri: str, kind: type[T], make: Callable[[], T]) -> T:
    """Return what is kept under ``uri``; otherwise make it, keep it, and return what was kept.

    Of two processes that make it at once, the first one's value is everybody's.
    """
    known = recall(store, uri, kind)
    if known is not None:
        return known
    made = make()
    try:
        store.write(uri, made.model_dump_json().encode(), only_if_absent=True)
    except Conflict:
        return recall(store, uri, kind) or made
    return made


def recall(store: ObjectStore, uri: str, kind: type[T]) -> T | None:
    """Return what is kept under ``uri``, or None."""
    try:
        return kind.model_validate_json(store.read(uri))
    except NotFound:
        return None
