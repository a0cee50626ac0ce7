"""Predictions that are no chances are cut into tenths by their size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from blocks.contracts import VariantTick
from blocks.serving.answers import prediction_bucket
from tasks.rollout.cells import PredictionHistory
from tasks.rollout.judge import Judge
from tasks.rollout.verdict import Decision
from tests.unit.rollout.traffic import RULES


def tick(*predictions: float) -> VariantTick:
    return VariantTick(
        variant="v1",
        start=datetime(2026, 3, 1, tzinfo=UTC),
        seconds=1.0,
        requests=100 * len(predictions),
        predictions={prediction_bucket(each): 100 for each in predictions},
    )


def place(history: PredictionHistory, prediction: float) -> int:
    none, one = history.counted([]), history.counted([tick(prediction)])
    found = history.cells(none, one, (100, 100))
    assert found is not None
    return found[1].index(100)


def test_fractions_are_below_larger_quantities_and_above_those_below_zero() -> None:
    history = PredictionHistory()
    sizes = (-12.0, 0.37, 5.0, 37.0, 5200.0)
    history.learn(history.counted([tick(*sizes)]))
    places = [place(history, each) for each in sizes]
    assert places == sorted(set(places))


def test_whole_numbers_stay_in_order_beside_those_that_are_rounded() -> None:
    history = PredictionHistory()
    sizes = (-3, 0, 8, 9_999, 12_345_678)
    history.learn(history.counted([tick(*sizes)]))
    places = [place(history, each) for each in sizes]
    assert places == sorted(set(places))


def test_a_quantity_that_was_never_answered_is_in_the_tenth_of_its_neighbours() -> None:
    history = PredictionHistory()
    sizes = (-12.0, 0.37, 5.0, 37.0, 5200.0)
    history.learn(history.counted([tick(*sizes)]))
    known = [place(history, each) for each in sizes]
    assert [place(history, each) for each in (-99.0, 0.21, 4.7, 21.0, 99_000.0)] == known


def test_two_models_of_a_quantity_may_differ_in_its_digits_alone() -> None:
    """A tree has as many answers as leaves, and another tree has others between them."""
    random, judge = np.random.default_rng(11), Judge(RULES)
    for number in range(100):
        for_all = random.integers(10, 50, (2, 100)) * 2.0
        judge.add(answered("blue", number, for_all[0]), answered("green", number, for_all[1] + 1))
    assert judge.verdict().decision is not Decision.RETURN


def test_a_model_that_answers_more_than_was_ever_answered_is_returned() -> None:
    random, judge = np.random.default_rng(12), Judge(RULES)
    for number in range(100):
        blue, green = random.integers(10, 50, (2, 100)) * 2.0
        judge.add(answered("blue", number, blue), answered("green", number, green + 1000))
    verdict = judge.verdict()
    assert verdict.decision is Decision.RETURN
    assert "tenth 10" in verdict.explain()


def answered(variant: str, number: int, answers: Iterable[float]) -> VariantTick:
    return VariantTick(
        variant=variant,
        start=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=number),
        seconds=1.0,
        requests=100,
        predictions=Counter(prediction_bucket(each) for each in answers),
    )
