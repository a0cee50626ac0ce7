"""The first questions to a new version, before it gets traffic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from blocks.contracts import Frozen, Prediction, Serving
from blocks.serving.answers import by_row, meaning
from tasks.waiting import Pace

ROUNDS = 20
NOBODY = frozenset({502, 503, 504})  # said by whoever stands before a server that is not there
UNFIT = (
    "the answer to the sample request has not one entry for each row, so it can neither be "
    "compared nor kept: answer a list with a value, or named outputs, for each row, or set "
    "rollout.rules.predictions to false"
)
STARTED_AGAIN = timedelta(minutes=2)  # what a server that died may take to be there again


class Smoke(Frozen):
    """What the first questions found."""

    problems: tuple[str, ...]
    summary: str


def smoke(
    ask: Callable[[Any], Prediction], request: Any, *, serving: Serving, compared: bool = True
) -> Smoke:
    """Ask with a good request a few times, and with broken ones once each.

    Where predictions are to be ``compared``, an answer that cannot be is a problem.
    """
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
    told = _compared(request, answers[-1])
    if told is None and compared:
        problems.append(UNFIT)
    middle = sorted(answer.seconds for answer in answers)[ROUNDS // 2]
    return Smoke(
        problems=tuple(problems),
        summary=f"{ROUNDS} answers, median {1000 * middle:.1f} ms; broken requests are refused"
        + (f"; of an answer is compared: {told}" if told else ""),
    )


def _compared(request: Any, answer: Prediction) -> str | None:
    """Say what is compared of an answer, "" if that cannot be told; None if nothing can be."""
    predictions = answer.body.get("predictions") if isinstance(answer.body, dict) else None
    if answer.status != 200 or predictions is None or not isinstance(request, dict):
        return ""
    if (rows := _rows(request)) is None:
        return ""
    found = by_row(predictions, rows)
    return meaning(found[0]) if found else None


def _rows(request: Mapping[str, Any]) -> int | None:
    """Count the rows of a request in one of MLflow's forms."""
    split = request.get("dataframe_split")
    rows = split.get("data") if isinstance(split, dict) else None
    for form in ("dataframe_records", "instances", "inputs"):
        rows = request.get(form, rows)
    if isinstance(rows, dict):
        rows = next(iter(rows.values()), None)
    return len(rows) if isinstance(rows, list) else None


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
