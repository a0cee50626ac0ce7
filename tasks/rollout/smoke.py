"""The first questions to a new version, before it gets traffic."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from blocks.contracts import Frozen, Prediction, Serving
from tasks.waiting import Pace

ROUNDS = 20
NOBODY = frozenset({502, 503, 504})  # said by whoever stands before a server that is not there
STARTED_AGAIN = timedelta(minutes=2)  # what a server that died may take to be there again


class Smoke(Frozen):
    """What the first questions found."""

    problems: tuple[str, ...]
    summary: str


def smoke(ask: Callable[[Any], Prediction], request: Any, *, serving: Serving) -> Smoke:
    """Ask with a good request a few times, and with broken ones once each."""
    answers = [ask(request) for _ in range(ROUNDS)]
    problems = [
        f"the sample request was answered {answer.status}: {str(answer.body)[:200]}"
        for answer in answers
        if answer.status != 200
    ][:1]
    slowest = max(answer.seconds for answer in answers)
    if slowest > serving.timeout.total_seconds():
        problems.append(f"an answer took {slowest:.2f} s, the limit is {serving.timeout}")
    wrong: dict[str, Any] = {"an empty body": {}, "no rows": {"dataframe_records": []}}
    for name, broken in wrong.items():
        status = ask(broken).status
        if not 400 <= status < 500:
            problems.append(f"{name} was answered {status}, not refused with 4xx")
    middle = sorted(answer.seconds for answer in answers)[ROUNDS // 2]
    return Smoke(
        problems=tuple(problems),
        summary=f"{ROUNDS} answers, median {1000 * middle:.1f} ms; broken requests are refused",
    )


def answered(ask: Callable[[Any], Prediction], pace: Pace) -> Callable[[Any], Prediction]:
    """Return ``ask`` that asks again, for a while from now, where no server is there.

    A machine that is lost at this moment tells nothing about the version.
    """
    ends = pace.clock() + STARTED_AGAIN.total_seconds()

    def again(request: Any) -> Prediction:
        while (answer := ask(request)).status in NOBODY and pace.clock() < ends:
            pace.pause()
        return answer

    return again


def warm(
    ask: Callable[[Any], Prediction], request: Any, *, within: timedelta, clock: Callable[[], float]
) -> None:
    """Ask until answers get no quicker any more, so that live requests meet no cold start."""
    ends, before = clock() + within.total_seconds(), math.inf
    while clock() < ends:
        middle = sorted(ask(request).seconds for _ in range(ROUNDS))[ROUNDS // 2]
        if middle > 0.9 * before:
            return
        before = middle
