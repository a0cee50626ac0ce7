"""A retrain is asked for on effect and persistence, once, and not too often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.watch.policy import Asked, RetrainRequest, Seen, decide
from tasks.watch.spec import WatchSpec
from tests.unit.watch.windows import DAY, SPEC, START, cause, day, seen


def asked_after(what: Sequence[Seen], asked: Sequence[Asked] = (), *, at: int = 10) -> str:
    decision = decide(what, asked, SPEC, model="m", now=START + at * DAY)
    return "asked" if decision.request else decision.why_not


def test_one_bad_window_is_not_enough() -> None:
    assert asked_after([seen(0), seen(1), seen(2, cause())]) == "no cause was seen often enough"


def test_two_bad_windows_of_three_are_enough() -> None:
    found = decide([seen(0, cause()), seen(1), seen(2, cause())], [], SPEC, model="m", now=START)
    assert found.request is not None
    assert found.request.window == day(2)
    assert found.request.reasons == ("input drift: x (0.2, matters from 0.1), 2 of 3 windows",)


def test_different_causes_do_not_add_up() -> None:
    assert asked_after([seen(0, cause("x")), seen(1, cause("y"))]) != "asked"


def test_the_same_window_reported_often_counts_once() -> None:
    assert asked_after([seen(0, cause())] * 1000) != "asked"


def test_what_is_below_its_floor_does_not_count() -> None:
    small = cause(effect=0.05)
    assert asked_after([seen(0, small), seen(1, small)]) != "asked"


def test_old_windows_and_other_models_do_not_count() -> None:
    old = [seen(0, cause()), seen(1, cause()), seen(5), seen(6), seen(7)]
    assert asked_after(old) != "asked"
    assert asked_after([seen(0, cause(), model="n"), seen(1, cause())]) != "asked"


def answered(number: int, *, closed: bool = True) -> Asked:
    request = RetrainRequest(
        id=f"{number:032x}",
        model="m",
        window=day(number - 1),
        reasons=("x",),
        at=START + number * DAY,
    )
    return Asked(request=request, closed=closed)


def drifting(last: int) -> list[Seen]:
    return [seen(number, cause()) for number in range(last)]


def test_one_request_is_in_flight() -> None:
    assert "in flight" in asked_after(drifting(4), [answered(2, closed=False)], at=3)


def test_a_request_that_nobody_answers_is_lost_after_a_while() -> None:
    spec = SPEC.model_copy(update={"cooldown": timedelta(0)})
    lost = [answered(2, closed=False)]
    found = decide(drifting(5), lost, spec, model="m", now=START + 5 * DAY)
    assert found.request is not None


def test_after_a_request_it_is_quiet_for_the_cooldown() -> None:
    assert asked_after(drifting(8), [answered(2)], at=8) == "cooldown until 2026-01-10 00:00"
    assert asked_after(drifting(9), [answered(2)], at=9) == "asked"


def test_what_led_to_one_request_does_not_lead_to_the_next() -> None:
    assert asked_after(drifting(3), [answered(3)], at=30) == "no cause was seen often enough"


def test_a_month_has_a_budget() -> None:
    spec = SPEC.model_copy(update={"cooldown": DAY, "retrains_per_month": 2})
    before = [answered(2), answered(5)]
    now = START + 10 * DAY
    assert "budget is 2" in decide(drifting(10), before, spec, model="m", now=now).why_not
    later = START + 34 * DAY
    assert decide(drifting(34), before, spec, model="m", now=later).request is not None
    never = SPEC.model_copy(update={"retrains_per_month": 0})
    assert decide(drifting(10), [], never, model="m", now=now).request is None


def test_a_new_champion_renews_neither_the_cooldown_nor_the_budget() -> None:
    spec = SPEC.model_copy(update={"cooldown": 3 * DAY, "retrains_per_month": 2})
    new = [seen(number, cause(), model="new") for number in range(2, 12)]
    at = START + 4 * DAY
    assert "cooldown" in decide(new[:2], [answered(2)], spec, model="new", now=at).why_not
    before, at = [answered(2), answered(5)], START + 12 * DAY
    assert "budget is 2" in decide(new, before, spec, model="new", now=at).why_not


def test_a_reason_from_elsewhere_counts_at_once_within_the_same_limits() -> None:
    because = ["data arrived"]
    found = decide([], [], SPEC, model="m", now=START, because=because).request
    assert found is not None
    assert found.reasons == ("data arrived",)
    again = decide([], [answered(2)], SPEC, model="m", now=START + 3 * DAY, because=because)
    assert "cooldown" in again.why_not


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.booleans(), min_size=1, max_size=90),
    st.integers(0, 10),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_whatever_drifts_requests_keep_their_distance_and_their_budget(
    drifts: list[bool], cooldown: int, budget: int, answer: int
) -> None:
    spec = WatchSpec(
        cooldown=cooldown * DAY, retrains_per_month=budget, in_flight=timedelta(days=2)
    )
    what: list[Seen] = []
    asked: list[Asked] = []
    for number, bad in enumerate(drifts):
        now = START + (number + 1) * DAY
        what.append(seen(number, *([cause()] if bad else [])))
        asked = [
            each.model_copy(update={"closed": now >= each.request.at + answer * DAY})
            for each in asked
        ]
        found = decide(what, asked, spec, model="m", now=now)
        if found.request is not None:
            assert sum(drifts[max(0, number - 2) : number + 1]) >= 2
            assert all(each.closed or now >= each.request.at + 2 * DAY for each in asked)
            asked.append(Asked(request=found.request))
    times = [each.request.at for each in asked]
    for one, two in pairwise(times):
        assert two - one >= cooldown * DAY
    for each in times:
        assert sum(each - timedelta(days=30) < other <= each for other in times) <= budget
    assert len({each.request.id for each in asked}) == len(asked)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"persistence": 4, "of": 3}, "persistence is 4 of 3"),
        ({"window": timedelta(seconds=5)}, "at least one minute"),
        ({"floors": {"shape": -1}}, "0 or more"),
        ({"floors": {"shap": 1}}, "shape"),
        ({"unknown": 1}, "unknown"),
        ({"labels": {"uri": "file:///x", "label": "y", "maturity": -5}}, "before the prediction"),
    ],
)
def test_a_specification_that_cannot_be_meant_is_refused(
    wrong: dict[str, object], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        WatchSpec.model_validate(wrong)
