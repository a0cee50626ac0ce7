"""Requests that wait are answered by one call, and as if each had been asked alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from blocks.serving.schema import Rows
from blocks.serving.workers import CHECKED, MERGED_ROWS, Workers
from blocks.testing.waiting import NEVER

Columns = Mapping[str, np.ndarray[Any, Any]]


class Scene:
    """A model whose first call waits until all other requests are there."""

    def __init__(self, score: Callable[[np.ndarray[Any, Any]], Any], *, merge: bool = True) -> None:
        self._score, self._merge = score, merge
        self.begun, self.open = threading.Event(), threading.Event()
        self.sizes: list[int] = []

    def ask(self, columns: Columns, parameters: Any) -> Any:
        self.begun.set()
        assert self.open.wait(NEVER)
        self.sizes.append(len(columns["x"]))
        return self._score(columns["x"])

    async def play(self, rounds: int, values: Sequence[Sequence[Any]]) -> list[Any]:
        """Send a first request, all others while it is answered, and so on; return the answers."""
        workers = Workers(self.ask, merge=self._merge, threads=1)
        workers.start()
        answers: list[Any] = []
        for _ in range(rounds):
            self.begun.clear()
            self.open.clear()
            first = workers.submit(rows([0.0]))
            assert await asyncio.to_thread(self.begun.wait, 20)
            works = [workers.submit(rows(each)) for each in values]
            self.open.set()
            await first.future
            futures = [work.future for work in works]
            answers = list(await asyncio.gather(*futures, return_exceptions=True))
        assert workers.unfinished == 0
        return answers


def rows(values: Sequence[Any]) -> Rows:
    return Rows(columns={"x": np.array(values)}, count=len(values))


def play(scene: Scene, *values: Sequence[Any], rounds: int = CHECKED + 1) -> list[Any]:
    return asyncio.run(scene.play(rounds, values))


def test_what_waits_is_one_call_and_everyone_gets_their_own() -> None:
    scene = Scene(lambda x: x * 2)
    assert play(scene, [1.0], [2.0, 3.0], [4.0]) == [[2.0], [4.0, 6.0], [8.0]]
    assert scene.sizes[-2:] == [1, 4]


def test_the_first_merged_calls_are_compared_with_single_ones() -> None:
    scene = Scene(lambda x: x * 2)
    play(scene, [1.0], [2.0], rounds=CHECKED + 2)
    assert scene.sizes == [1, 2, 1, 1] * CHECKED + [1, 2] * 2


def test_a_model_that_looks_at_the_whole_batch_is_asked_row_by_row() -> None:
    scene = Scene(lambda x: x - x.mean())
    assert play(scene, [1.0], [5.0]) == [[0.0], [0.0]]
    assert max(scene.sizes[-3:]) == 1


def test_a_model_with_one_answer_for_all_rows_is_not_merged() -> None:
    scene = Scene(lambda x: [float(x.sum())])
    assert play(scene, [1.0, 2.0], [5.0]) == [[3.0], [5.0]]


def test_one_bad_request_spoils_no_other_and_ends_merging_for_a_while() -> None:
    def score(x: np.ndarray[Any, Any]) -> Any:
        if (x > 100).any():
            raise ValueError("too large")
        return x

    scene = Scene(score)
    first, bad, last = play(scene, [1.0], [1000.0], [3.0])
    assert (first, last) == ([1.0], [3.0])
    assert isinstance(bad, ValueError)
    assert scene.sizes.count(3) == 1


def test_merging_can_be_turned_off() -> None:
    scene = Scene(lambda x: x, merge=False)
    play(scene, [1.0], [2.0])
    assert set(scene.sizes) == {1}


def test_a_merged_call_stays_small_and_of_one_type() -> None:
    scene = Scene(lambda x: x)
    large = [0.5] * (MERGED_ROWS - 1)
    answers = play(scene, [1.0], large, [2.0], [3], [4.0])
    assert answers == [[1.0], large, [2.0], [3], [4.0]]
    assert max(scene.sizes) == MERGED_ROWS


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (lambda x: {"a": x, "b": -x}, [{"a": [1.0], "b": [-1.0]}, {"a": [2.0], "b": [-2.0]}]),
        (lambda x: np.stack([1 - x, x], axis=1), [[[0.0, 1.0]], [[-1.0, 2.0]]]),
        (lambda x: np.where(x > 1, "high", "low"), [["low"], ["high"]]),
        (lambda x: np.full(len(x), np.nan), None),
    ],
    ids=["named outputs", "classes", "labels", "NaN"],
)
def test_answers_of_every_shape_are_cut_up_by_request(score: Any, expected: Any) -> None:
    scene = Scene(score)
    answers = play(scene, [1.0], [2.0])
    assert max(scene.sizes) == 2
    assert scene.sizes[-1] == 2
    if expected is not None:
        assert answers == expected


def test_a_request_that_was_given_up_is_not_asked() -> None:
    async def play() -> list[int]:
        scene = Scene(lambda x: x, merge=False)
        workers = Workers(scene.ask, merge=False, threads=1)
        workers.start()
        first = workers.submit(rows([0.0]))
        assert await asyncio.to_thread(scene.begun.wait, 20)
        given_up, last = workers.submit(rows([0.0] * 2)), workers.submit(rows([0.0] * 3))
        workers.abandon(given_up)
        assert workers.unfinished == 2
        scene.open.set()
        await asyncio.gather(first.future, last.future)
        return scene.sizes

    assert asyncio.run(play()) == [1, 3]
