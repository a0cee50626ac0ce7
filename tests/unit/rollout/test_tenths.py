"""Predictions that are no chances are cut into tenths by their size."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.contracts import VariantTick
from blocks.serving.answers import prediction_bucket
from tasks.rollout.cells import PredictionHistory


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
