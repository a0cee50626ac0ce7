"""The first questions to a version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from blocks.contracts import Prediction, Serving
from tasks.rollout.smoke import STARTED_AGAIN, answered, smoke
from tasks.waiting import Pace

GOOD = {"dataframe_records": [{"x": 1}]}
BROKEN: tuple[dict[str, list[Any]], ...] = ({}, {"dataframe_records": []})


class World:
    """A version with one server, which is away for a while, and a clock that only sleep moves."""

    def __init__(self, *, away: float, status: int) -> None:
        self.now, self._away, self._status = 0.0, away, status

    def ask(self, request: Any) -> Prediction:
        status = 400 if request in BROKEN else 200
        if self.now < self._away:
            status = self._status
        return Prediction(status=status, variant="green", body={}, seconds=0.01)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def problems(self) -> tuple[str, ...]:
        pace = Pace(every=timedelta(seconds=5), clock=lambda: self.now, sleep=self.sleep)
        return smoke(answered(self.ask, pace), GOOD, serving=Serving()).problems


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
