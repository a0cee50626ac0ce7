"""What a study may say, and what it means for time and money."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.contracts import Candidates, Study
from tasks.training.spec import TrainingSpec
from tasks.training.stage import to_request

RATE = {"low": 0.001, "high": 0.1, "scale": "log"}


def spec(study: dict[str, Any], **others: Any) -> TrainingSpec:
    return TrainingSpec.model_validate({"source": "file:///code", "study": study, **others})


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ({}, "low and high, or values"),
        ({"low": 1}, "low and high, or values"),
        ({"low": 1, "high": 2, "values": ["a"]}, "either low and high, or values"),
        ({"low": 2, "high": 2}, "must be below"),
        ({"low": float("nan"), "high": 2}, "must be below"),
        ({"low": 0, "high": 2, "scale": "log"}, "above 0"),
        ({"low": 0.5, "high": 2, "whole": True}, "whole numbers"),
        ({"values": ["a", "a"]}, "twice"),
    ],
)
def test_candidates_that_make_no_sense_are_told(candidates: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Candidates.model_validate(candidates)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metric": ""}, "metric"),
        ({"metric": "with space"}, "metric"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": {"a=b": RATE}}, "no name"),
        ({"trials": 2, "parallel": 3}, "parallel 3 is more than trials 2"),
        ({"trials": 0}, "trials"),
    ],
)
def test_a_study_that_makes_no_sense_is_told(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Study.model_validate({"metric": "auc", "parameters": {"rate": RATE}, **change})


def test_a_parameter_is_fixed_or_searched_never_both() -> None:
    study = {"metric": "auc", "parameters": {"rate": RATE}}
    with pytest.raises(ValidationError, match="rate"):
        spec(study, parameters={"rate": "0.1"})
    with pytest.raises(ValidationError, match="deadline"):
        spec(study, spot={"deadline": "PT9H", "expected_hours": 1})


def test_a_study_takes_as_long_as_its_rounds_and_costs_as_much_as_its_trials() -> None:
    study = {"metric": "auc", "parameters": {"rate": RATE}, "trials": 7, "parallel": 3}
    found = spec(study, max_duration="PT1H")
    assert found.longest == timedelta(hours=3)
    assert found.trials == 7
    request = to_request(found, "file:///data", "file:///place")
    assert request.study is not None
    assert request.study.parameters["rate"].high == 0.1
