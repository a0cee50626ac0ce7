"""Two budgets: bad luck never counts as a bug, and a bug never as bad luck."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.contracts import Phase
from tasks.training.attempts import (
    Budget,
    TooManyInterruptions,
    TrainingCancelled,
    TrainingFailed,
)
from tasks.training.spec import SpotSpec, TrainingSpec, expected_billed_hours
from tasks.training.stage import to_request


def spec(*, interruptions: int = 2, failures: int = 1, last: bool = True) -> TrainingSpec:
    spot = SpotSpec(interruptions_allowed=interruptions, last_on_demand=last)
    return TrainingSpec(source="file:///code", spot=spot, failures_allowed=failures)


@settings(deadline=None)
@given(
    endings=st.lists(st.sampled_from([Phase.INTERRUPTED, Phase.FAILED]), max_size=12),
    interruptions=st.integers(0, 4),
    failures=st.integers(0, 4),
)
def test_a_run_ends_when_one_of_its_budgets_is_used_up_and_not_before(
    endings: list[Phase], interruptions: int, failures: int
) -> None:
    budget, asked = Budget(), spec(interruptions=interruptions, failures=failures)
    for index, ending in enumerate(endings):
        lost = endings[: index + 1].count(Phase.INTERRUPTED)
        failed = endings[: index + 1].count(Phase.FAILED)
        if lost > interruptions:
            with pytest.raises(TooManyInterruptions):
                budget.after(ending, asked, "why")
            return
        if failed > failures:
            with pytest.raises(TrainingFailed):
                budget.after(ending, asked, "why")
            return
        budget = budget.after(ending, asked, "why")
    assert (budget.interruptions, budget.failures) == (
        endings.count(Phase.INTERRUPTED),
        endings.count(Phase.FAILED),
    )


def test_a_cancelled_job_is_not_tried_again() -> None:
    with pytest.raises(TrainingCancelled):
        Budget().after(Phase.CANCELLED, spec(), "somebody stopped it")


def test_the_last_attempt_runs_where_nobody_takes_the_machine_back() -> None:
    asked = spec(interruptions=2)
    base = to_request(asked, "file:///data", "file:///runs/r")
    spots = [Budget(interruptions=lost).request(base, asked).spot for lost in range(3)]
    assert spots == [True, True, False]


def test_a_job_on_spot_is_told_how_often_machines_are_taken_back() -> None:
    asked = spec().model_copy(update={"env": {"SEED": "7"}})
    request = to_request(asked, "file:///data", "file:///runs/r")
    assert request.env == {"SEED": "7", "BLUEWATER_INTERRUPTIONS_PER_HOUR": "0.05"}
    safe = to_request(TrainingSpec(source="file:///code"), "file:///data", "file:///runs/r")
    assert safe.env == {}


def test_the_last_attempt_stays_on_spot_where_the_specification_says_so() -> None:
    asked = spec(interruptions=2, last=False)
    base = to_request(asked, "file:///data", "file:///runs/r")
    assert Budget(interruptions=2).request(base, asked).spot


def test_spot_without_checkpoints_is_refused_with_the_hours_it_would_bill() -> None:
    with pytest.raises(ValidationError, match=r"expected to bill 2,336\.8 h"):
        SpotSpec(checkpoints=False, expected_hours=48.5, interruptions_per_hour=0.1155)


def test_expected_hours_follow_the_exponential_law() -> None:
    assert expected_billed_hours(1.0, 1.0) == pytest.approx(math.e - 1)
    assert expected_billed_hours(5.0, 1e-9) == pytest.approx(5.0)
    assert expected_billed_hours(1e6, 1.0) == math.inf
