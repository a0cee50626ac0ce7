"""Which data sets are being scored, written down: so a job can be told from one left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from blocks.contracts import Frozen, ObjectStore
from tasks.memory import recall
from tasks.runs import UNFINISHED


class Scoring(Frozen):
    """A run that scores a data set."""

    run: str
    output_uri: str
    begun: datetime
    ended: datetime | None = None
    how: str = ""


@contextmanager
def a_scoring(store: ObjectStore, run: str, output_uri: str) -> Iterator[None]:
    """Note that a run scores, and that it does no more; a run that was cut off may go on."""
    scoring = Scoring(run=run, output_uri=output_uri, begun=datetime.now(UTC))
    _keep(store, scoring)
    try:
        yield
    except UNFINISHED:
        raise
    except Exception as error:
        _end(store, scoring, type(error).__name__)
        raise
    _end(store, scoring, "done")


def scorings(store: ObjectStore) -> Iterator[Scoring]:
    """Yield every scoring that was noted, each run's last one."""
    for each in store.walk(f"{store.root}/batches"):
        found = recall(store, each.uri, Scoring)
        if found is not None:
            yield found


def _end(store: ObjectStore, scoring: Scoring, how: str) -> None:
    _keep(store, scoring.model_copy(update={"ended": datetime.now(UTC), "how": how}))


def _keep(store: ObjectStore, scoring: Scoring) -> None:
    uri = f"{store.root}/batches/{scoring.run}.json"
    store.write(uri, scoring.model_dump_json().encode())
