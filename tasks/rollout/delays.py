"""Which of the two a business event of now may belong to, where it comes long after its request.

A sale of now was asked for minutes ago, when green may have had another share. A share that rises
from 5 to 95 percent would make green look as if it sold hardly anything. So an event is compared by
the odds, of all those of the last while, that speak least against green: the test stays fair for
any delay up to the one that is told.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from tasks.rollout.batches import Moment, Pair, same_share


class EarlierOdds:
    """Remembers the shares of the last while: one entry for each time of the same share."""

    def __init__(self, delay: timedelta) -> None:
        self._delay = delay
        self._levels: deque[tuple[datetime, Pair]] = deque()  # the end, and requests
        self._begun: datetime | None = None

    def among(self, moment: Moment) -> tuple[float, float]:
        """Return the lowest and the highest odds of green, now and within the delay before.

        Before the first moment green had nothing.
        """
        theirs, mine = moment.requests
        now = mine / theirs
        if not self._delay:
            return now, now
        self._join(moment)
        self._begun = self._begun or moment.start
        odds = [now, *(green / blue for _, (blue, green) in list(self._levels)[:-1])]
        nothing_yet = moment.start - self._begun < self._delay
        return 0.0 if nothing_yet else min(odds), max(odds)

    def _join(self, moment: Moment) -> None:
        levels, (theirs, mine) = self._levels, moment.requests
        end = moment.start + timedelta(seconds=moment.seconds)
        if levels and same_share(*levels[-1][1], *moment.requests):
            _, (blue, green) = levels.pop()
            theirs, mine = theirs + blue, mine + green
        levels.append((end, (theirs, mine)))
        while levels[0][0] < moment.start - self._delay:
            levels.popleft()
