"""Which runs there are, and which of them may still go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from blocks.contracts import Frozen, ObjectStore
from tasks.batch.record import Scoring, scorings
from tasks.memory import recall
from tasks.runs import Begun, Ended

LONGEST = timedelta(days=28)
"""Of a run whose record does not tell how long its jobs may take: the longest that SageMaker runs.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
"""


class Run(Frozen):
    """A run of a release, as its store knows it."""

    name: str
    begun: datetime
    longest: timedelta | None = None  # that one of its jobs may take
    ended: datetime | None = None
    how: str = ""

    def over(self, now: datetime, abandoned_after: timedelta, *, since: datetime) -> str:
        """Return why the run will not go on; empty if it may.

        ``since`` is its last sign of life: when a job was started, or a checkpoint was written.
        """
        if self.ended is not None:
            return f"its run ended ({self.how})"
        last = max(self.begun, since)
        if now - last >= abandoned_after + (self.longest or LONGEST):
            return f"its run has done nothing new since {last:%Y-%m-%d}, and is given up"
        return ""


class Runs:
    """All runs of a store, read once."""

    def __init__(self, store: ObjectStore) -> None:
        self._place = f"{store.root}/runs/"
        self.releases: Mapping[str, Run] = {run.name: run for run in _releases(store)}
        self.scorings: dict[str, list[Run]] = defaultdict(list)
        for each in scorings(store):
            self.scorings[each.output_uri.rstrip("/")].append(_of_scoring(each))

    def of_output(self, uri: str) -> str:
        """Return the name of the run that an output belongs to; empty if it lies elsewhere."""
        if not uri.startswith(self._place):
            return ""
        return uri.removeprefix(self._place).partition("/")[0]

    def scoring_over(
        self, uri: str, now: datetime, abandoned_after: timedelta, *, since: datetime
    ) -> str | None:
        """Return why all scorings into a place are over, "" if one is not; None if unknown."""
        known = sorted(self.scorings.get(uri.rstrip("/"), ()), key=lambda run: run.begun)
        reasons = [each.over(now, abandoned_after, since=since) for each in known]
        return (reasons[-1] if all(reasons) else "") if reasons else None


def _of_scoring(scoring: Scoring) -> Run:
    told = scoring.model_dump(exclude={"run", "output_uri"})
    return Run(name=scoring.run, **told)


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
                    longest=begun.longest,
                    ended=ended.at if ended else None,
                    how=ended.how if ended else "",
                )
            )
    return found
