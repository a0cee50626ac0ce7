"""Which data sets are being scored, written down: so a job can be told from one left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from blocks.contracts import BatchRequest, Frozen, ObjectStore
from tasks.memory import recall
from tasks.runs import UNFINISHED

DONE = "done"


class Scoring(Frozen):
    """A run that scores a data set."""

    run: str
    output_uri: str
    begun: datetime
    longest: timedelta | None = None  # that its job may take; earlier records do not tell
    ended: datetime | None = None
    how: str = ""


@contextmanager
def a_scoring(store: ObjectStore, run: str, request: BatchRequest) -> Iterator[None]:
    """Note that a run scores, and that it does no more; a run that was cut off may go on."""
    before = recall(store, place_of(store, run), Scoring)
    scoring = Scoring(
        run=run,
        output_uri=request.output_uri,
        begun=before.begun if before and not before.ended else datetime.now(UTC),
        longest=request.max_duration,
    )
    _keep(store, scoring)
    try:
        yield
    except UNFINISHED:
        raise
    except Exception as error:
        _end(store, scoring, type(error).__name__)
        raise
    _end(store, scoring, DONE)


def scorings(store: ObjectStore) -> Iterator[Scoring]:
    """Yield every scoring that was noted, each run's last one."""
    for each in store.walk(f"{store.root}/batches"):
        found = recall(store, each.uri, Scoring)
        if found is not None:
            yield found


def place_of(store: ObjectStore, run: str) -> str:
    """Return the URI under which a run is noted."""
    return f"{store.root}/batches/{run}.json"


def _end(store: ObjectStore, scoring: Scoring, how: str) -> None:
    _keep(store, scoring.model_copy(update={"ended": datetime.now(UTC), "how": how}))


def _keep(store: ObjectStore, scoring: Scoring) -> None:
    store.write(place_of(store, scoring.run), scoring.model_dump_json().encode())
