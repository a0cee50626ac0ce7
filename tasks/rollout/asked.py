"""Business events whose request's time is known: compared by the share that green had then.

A sale of now was asked for minutes or hours ago, when green may have had another share. Among the
requests of that time, green's and blue's are equally old now, so while green sells no less, the
label of a sale is green with the share of the requests of then, however late sales come.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from blocks.contracts import VariantTick
from tasks.rollout.batches import Moment, Pair, same_share

LONGEST = 600.0  # seconds of the same share that are one stretch
REMEMBERED = 2048  # stretches: a week or two; events of requests before say nothing

Asked = Mapping[str, Mapping[int, int]]  # by kind of event, when: how many
Timed = Sequence[tuple[Pair, Sequence[Pair]]]  # requests of a stretch, and events of each kind


class EarlierRequests:
    """Remembers how many requests blue and green had, stretch by stretch of the same share."""

    def __init__(self, kinds: Iterable[str]) -> None:
        self._kinds = {name: place for place, name in enumerate(kinds)}
        self._starts: list[float] = []
        self._requests: list[Pair] = []

    def add(self, moment: Moment) -> None:
        """Take in the requests of the next moment."""
        start, (blue, green) = moment.start.timestamp(), moment.requests
        goes_on = (
            self._starts
            and start + moment.seconds - self._starts[-1] <= LONGEST
            and same_share(*self._requests[-1], *moment.requests)
        )
        if goes_on:
            blues, greens = self._requests[-1]
            self._requests[-1] = blues + blue, greens + green
            return
        self._starts.append(start)
        self._requests.append(moment.requests)
        if len(self._starts) > REMEMBERED:
            del self._starts[0], self._requests[0]

    def timed(self, blue: Sequence[Asked], green: Sequence[Asked]) -> Timed:
        """Return events that tell when they were asked, by the stretch of their requests.

        Those of a stretch in which only one of the two was asked compare nothing.
        """
        found: dict[int, list[list[int]]] = {}
        for side, told in enumerate((blue, green)):
            for asked in told:
                for name, times in asked.items():
                    if name in self._kinds:
                        self._sort(found, self._kinds[name], side, times)
        return [
            (self._requests[place], [(theirs, mine) for theirs, mine in events])
            for place, events in sorted(found.items())
            if all(self._requests[place])
        ]

    def _sort(
        self, found: dict[int, list[list[int]]], kind: int, side: int, times: Mapping[int, int]
    ) -> None:
        for at, count in times.items():
            place = bisect_right(self._starts, at) - 1
            if place >= 0:
                events = found.setdefault(place, [[0, 0] for _ in self._kinds])
                events[kind][side] += count


def asked_of(ticks: Iterable[VariantTick]) -> Sequence[Asked]:
    """Return what some ticks tell of when requests were asked; nothing of those that do not."""
    return [tick.asked for tick in ticks if tick.asked]


def untimed(ticks: Iterable[VariantTick], asked: Iterable[Asked], name: str) -> int:
    """Return how many events of a kind do not tell when their requests were asked."""
    count = sum([tick.outcomes.get(name, 0) for tick in ticks])
    timed = sum([sum(each[name].values()) for each in asked if name in each])
    return count - timed if timed < count else 0
