"""Which runs there are, and which of them may still go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from blocks.contracts import Frozen, ObjectStore
from tasks.batch.record import Scoring, scorings
from tasks.memory import recall
from tasks.runs import Begun, Ended


class Run(Frozen):
    """A run of a release, as its store knows it."""

    name: str
    begun: datetime
    ended: datetime | None = None
    how: str = ""

    def over(self, now: datetime, abandoned_after: timedelta) -> str:
        """Return why the run will not go on; empty if it may."""
        return _over(self.begun, self.ended, now, abandoned_after, how=self.how)


class Runs:
    """All runs of a store, read once."""

    def __init__(self, store: ObjectStore) -> None:
        self._place = f"{store.root}/runs/"
        self.releases: Mapping[str, Run] = {run.name: run for run in _releases(store)}
        self.scorings: Mapping[str, Scoring] = {
            each.output_uri.rstrip("/"): each for each in scorings(store)
        }

    def of_output(self, uri: str) -> str:
        """Return the name of the run that an output belongs to; empty if it lies elsewhere."""
        if not uri.startswith(self._place):
            return ""
        return uri.removeprefix(self._place).partition("/")[0]

    def scoring_over(self, uri: str, now: datetime, abandoned_after: timedelta) -> str | None:
        """Return why the scoring with that output is over, "" if it is not; None if unknown."""
        known = self.scorings.get(uri.rstrip("/"))
        if known is None:
            return None
        return _over(known.begun, known.ended, now, abandoned_after, how=known.how)


def _over(
    begun: datetime, ended: datetime | None, now: datetime, abandoned_after: timedelta, *, how: str
) -> str:
    if ended is not None:
        return f"its run ended ({how})"
    if now - begun >= abandoned_after:
        return f"its run was begun {begun:%Y-%m-%d} and given up"
    return ""


def _releases(store: ObjectStore) -> list[Run]:
    names = {each.uri for each in store.walk(f"{store.root}/releases")}
    found = []
    for uri in sorted(names):
        begun = recall(store, uri, Begun) if uri.endswith("-begun.json") else None
        if begun is not None:
            end = uri.replace("-begun.json", "-ended.json")
            ended = recall(store, end, Ended) if end in names else None
            found.append(
                Run(
                    name=begun.run,
                    begun=begun.at,
                    ended=ended.at if ended else None,
                    how=ended.how if ended else "",
                )
            )
    return found
