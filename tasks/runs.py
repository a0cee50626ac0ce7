"""Which run a release is: a new one, or one that was cut off and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from blocks.contracts import Conflict, Frozen, ObjectStore, ProviderError
from tasks.log_fields import about
from tasks.rollout.journal import RolloutInProgress, TakenUp
from tasks.waiting import StillRunning

UNFINISHED = (
    ProviderError,
    StillRunning,
    RolloutInProgress,
    TakenUp,
    httpx.HTTPError,  # of Prefect's server
)

_BEGUN, _ENDED = "-begun.json", "-ended.json"


class Begun(Frozen):
    """A run was begun for a specification."""

    run: str
    digest: str
    at: datetime
    longest: timedelta | None = None  # that one of its jobs may take; earlier records do not tell


class Ended(Frozen):
    """A run came to its end."""

    run: str
    how: str
    at: datetime


@contextmanager
def a_run(
    store: ObjectStore,
    name: str,
    digest: str,
    *,
    run: str = "",
    longest: timedelta | None = None,
) -> Iterator[str]:
    """Yield the id of the run: the one named, one that was cut off, or a new one.

    ``longest`` is the time that one of its jobs may take; until then nobody sweeps it away.

    A run goes on, with everything it has found out, if it has the same specification and did not
    come to its end: its process was killed, or a provider or Prefect's server was down for too
    long. Refused data, a rejected challenger and a returned rollout are ends.
    """
    begun = open_run(store, name, digest, run=run, longest=longest)
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


def open_run(
    store: ObjectStore,
    name: str,
    digest: str,
    *,
    run: str = "",
    longest: timedelta | None = None,
) -> Begun:
    """Return the run that goes on, or begin one. Two processes that begin at once share one."""
    kept = _kept(store, name)
    for number in reversed(kept.numbers if run else kept.numbers[-1:]):
        begun = kept.begun(number)
        goes_on = not run and begun.digest == digest and not kept.has_ended(number)
        if goes_on or begun.run == run:
            return kept.lasting(number, begun, longest)
    now = datetime.now(UTC)
    id_ = run or f"{name}-{now:%Y%m%d-%H%M%S}-{digest[:4]}"
    begun = Begun(run=id_, digest=digest, at=now, longest=longest)
    try:
        uri = kept.uri(len(kept.numbers), _BEGUN)
        store.write(uri, begun.model_dump_json().encode(), only_if_absent=True)
    except Conflict:
        return open_run(store, name, digest, run=run, longest=longest)
    return begun


def close_run(store: ObjectStore, name: str, run: str, *, how: str) -> None:
    """Write down that a run came to its end. Closing it twice does nothing."""
    kept = _kept(store, name)
    for number in reversed(kept.numbers):
        if kept.begun(number).run == run:
            if not kept.has_ended(number):
                end = Ended(run=run, how=how, at=datetime.now(UTC))
                store.write(kept.uri(number, _ENDED), end.model_dump_json().encode())
            return


def all_runs(store: ObjectStore, name: str) -> list[tuple[Begun, Ended | None]]:
    """Return every run of a model, oldest first, each with its end if it has one."""
    kept = _kept(store, name)
    return [(kept.begun(number), kept.ended(number)) for number in kept.numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is kept of the runs of a model: by number, read only where it is asked for."""

    store: ObjectStore
    place: str
    uris: frozenset[str]

    @property
    def numbers(self) -> range:
        return range(sum(uri.endswith(_BEGUN) for uri in self.uris))

    def uri(self, number: int, what: str) -> str:
        return f"{self.place}/{number:06d}{what}"

    def begun(self, number: int) -> Begun:
        return Begun.model_validate_json(self.store.read(self.uri(number, _BEGUN)))

    def lasting(self, number: int, begun: Begun, longest: timedelta | None) -> Begun:
        """Let a run that goes on last longer than was said, if its specification says so now."""
        if longest is None or (begun.longest is not None and begun.longest >= longest):
            return begun
        after = begun.model_copy(update={"longest": longest})
        self.store.write(self.uri(number, _BEGUN), after.model_dump_json().encode())
        return after

    def has_ended(self, number: int) -> bool:
        return self.uri(number, _ENDED) in self.uris

    def ended(self, number: int) -> Ended | None:
        if not self.has_ended(number):
            return None
        return Ended.model_validate_json(self.store.read(self.uri(number, _ENDED)))


def _kept(store: ObjectStore, name: str) -> _Kept:
    place = f"{store.root}/releases/{name}"
    return _Kept(store=store, place=place, uris=frozenset(it.uri for it in store.walk(place)))
