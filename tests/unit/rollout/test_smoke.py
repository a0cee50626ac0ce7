"""The first questions to a version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from blocks.contracts import Prediction, Serving
from tasks.rollout.smoke import STARTED_AGAIN, Smoke, answered, smoke
from tasks.waiting import Pace

GOOD = {"dataframe_records": [{"x": 1}]}
BROKEN: tuple[dict[str, list[Any]], ...] = ({}, {"dataframe_records": []})


class World:
    """A version with one server, which is away for a while, and a clock that only sleep moves."""

    def __init__(self, *, away: float, status: int) -> None:
        self.now, self._away, self._status = 0.0, away, status
        self.body: dict[str, Any] = {}

    def ask(self, request: Any) -> Prediction:
        status = 400 if request in BROKEN else 200
        if self.now < self._away:
            status = self._status
        return Prediction(status=status, variant="green", body=self.body, seconds=0.01)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def smoke(self, request: Any = GOOD, **changes: bool) -> Smoke:
        pace = Pace(every=timedelta(seconds=5), clock=lambda: self.now, sleep=self.sleep)
        return smoke(answered(self.ask, pace), request, serving=Serving(), **changes)

    def problems(self) -> tuple[str, ...]:
        return self.smoke().problems


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_died_at_that_moment_is_asked_when_it_is_back(status: int) -> None:
    assert World(away=60, status=status).problems() == ()


def test_a_version_that_nobody_ever_serves_is_refused_after_a_while() -> None:
    world = World(away=float("inf"), status=503)
    assert "503" in world.problems()[0]
    assert world.now == STARTED_AGAIN.total_seconds()


def test_a_version_that_fails_by_itself_is_refused_at_once() -> None:
    world = World(away=float("inf"), status=500)
    assert "500" in world.problems()[0]
    assert world.now == 0


@pytest.mark.parametrize(
    ("predictions", "told"),
    [
        ([0.5], "what is answered"),
        ([[0.25, 0.75]], "the chance of the second class (1)"),
        ([{"cat": 0.1, "dog": 0.7, "owl": 0.2}], "the likeliest of 3 classes"),
        ([[12.5, 250.0]], "each of 2 outputs (0, 1)"),
        ({"minutes": [12.5], "late": [True]}, "each of 2 outputs (minutes, late)"),
    ],
)
def test_what_is_compared_of_an_answer_is_told(predictions: Any, told: str) -> None:
    world = World(away=0, status=200)
    world.body = {"predictions": predictions}
    found = world.smoke()
    assert found.problems == ()
    assert found.summary.endswith(f"; of an answer is compared: {told}")


@pytest.mark.parametrize(
    "request_",
    [
        {"dataframe_records": [{"x": 1}, {"x": 2}]},
        {"dataframe_split": {"columns": ["x"], "data": [[1], [2]]}},
        {"instances": [[1], [2]]},
        {"inputs": {"x": [1, 2]}},
    ],
)
def test_an_answer_that_is_not_one_for_each_row_is_refused_where_it_would_be_compared(
    request_: Any,
) -> None:
    world = World(away=0, status=200)
    world.body = {"predictions": [3.0]}
    (problem,) = world.smoke(request_).problems
    assert "rollout.rules.predictions to false" in problem
    assert world.smoke(request_, compared=False).problems == ()
