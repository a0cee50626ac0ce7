"""Which run a release is: a new one, or one that was cut off and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from blocks.contracts import Conflict, Frozen, ObjectStore, ProviderError
from tasks.log_fields import about
from tasks.memory import recall
from tasks.rollout.journal import RolloutInProgress, TakenUp
from tasks.waiting import StillRunning

UNFINISHED = (
    ProviderError,
    StillRunning,
    RolloutInProgress,
    TakenUp,
    httpx.HTTPError,  # of Prefect's server
)


class Begun(Frozen):
    """A run was begun for a specification."""

    run: str
    digest: str
    at: datetime


class Ended(Frozen):
    """A run came to its end."""

    run: str
    how: str
    at: datetime


@contextmanager
def a_run(store: ObjectStore, name: str, digest: str, *, run: str = "") -> Iterator[str]:
    """Yield the id of the run: the one named, one that was cut off, or a new one.

    A run goes on, with everything it has found out, if it has the same specification and did not
    come to its end: its process was killed, or a provider or Prefect's server was down for too
    long. Refused data, a
    rejected challenger and a returned rollout are ends.
    """
    begun = open_run(store, name, digest, run=run)
    try:
        with about(run=begun.run):
            yield begun.run
    except UNFINISHED:
        raise
    except Exception as error:
        close_run(store, name, begun.run, how=type(error).__name__)
        raise
    else:
        close_run(store, name, begun.run, how="done")


def open_run(store: ObjectStore, name: str, digest: str, *, run: str = "") -> Begun:
    """Return the run that goes on, or begin one. Two processes that begin at once share one."""
    runs = all_runs(store, name)
    for begun, _ in runs:
        if run and begun.run == run:
            return begun
    if not run and runs and runs[-1][1] is None and runs[-1][0].digest == digest:
        return runs[-1][0]
    now = datetime.now(UTC)
    begun = Begun(run=run or f"{name}-{now:%Y%m%d-%H%M%S}-{digest[:4]}", digest=digest, at=now)
    try:
        uri = f"{_place(store, name)}/{len(runs):06d}-begun.json"
        store.write(uri, begun.model_dump_json().encode(), only_if_absent=True)
    except Conflict:
        return open_run(store, name, digest, run=run)
    return begun


def close_run(store: ObjectStore, name: str, run: str, *, how: str) -> None:
    """Write down that a run came to its end. Closing it twice does nothing."""
    for number, (begun, ended) in enumerate(all_runs(store, name)):
        if begun.run == run and ended is None:
            end = Ended(run=run, how=how, at=datetime.now(UTC))
            uri = f"{_place(store, name)}/{number:06d}-ended.json"
            store.write(uri, end.model_dump_json().encode())


def all_runs(store: ObjectStore, name: str) -> list[tuple[Begun, Ended | None]]:
    """Return every run of a model, oldest first, each with its end if it has one."""
    found = []
    for each in store.walk(_place(store, name)):
        if each.uri.endswith("-begun.json"):
            begun = recall(store, each.uri, Begun)
            ended = recall(store, each.uri.replace("-begun.json", "-ended.json"), Ended)
            if begun is not None:
                found.append((begun, ended))
    return found


def _place(store: ObjectStore, name: str) -> str:
    return f"{store.root}/releases/{name}"
