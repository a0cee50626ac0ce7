"""What accepting a batch changes of the checks, and what people changed stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.checks.derive import suite
from tasks.checks.profile import Profile, merged
from tasks.checks.review import renewed
from tasks.validation.suite import SuiteRefused
from tests.unit.checks.weeks import ROWS, Workbench, lines, named, only, week, weeks


def test_a_location_that_moves_is_never_a_failure(bench: Workbench, learnt: Profile) -> None:
    content = suite(learnt.model_copy(update={"season": 8}))
    moved = week(8).assign(score=lambda f: f["score"] + 1)
    assert named(bench.failed(content, moved), "error") == []


def test_what_warned_fails_once_a_season_has_been_seen(bench: Workbench, learnt: Profile) -> None:
    unknown = week(8).assign(city=lambda f: f["city"].where(f.index > 5, "nowhere"))
    for season, severity in ((9, "warning"), (8, "error")):
        content = only("new values", learnt.model_copy(update={"season": season}))
        assert "new values" in named(bench.failed(content, unknown), severity)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1000), shift=st.floats(-5, 5), rows=st.integers(50, ROWS))
def test_accepting_a_batch_never_tightens_a_limit(
    bench: Workbench, seed: int, shift: float, rows: int
) -> None:
    """But for units, which are those of the batch that was accepted last."""
    before = bench.profile(weeks(5, seed=seed))
    strange = week(5, seed=seed, shift=shift).head(rows)
    after = merged(before, bench.profile(strange, known=before))
    now = lines(after)
    for name, old in lines(before).items():
        new = now.get(name)
        if new is None or name[0] == "unit":
            continue
        assert new.get("min_value", -np.inf) <= old.get("min_value", np.inf), name
        assert new.get("max_value", np.inf) >= old.get("max_value", -np.inf), name
        assert new.get("mostly", 0) <= old.get("mostly", 1), name
        assert set(new.get("value_set", [])) >= set(old.get("value_set", [])), name


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1000), order=st.permutations([5, 6, 7]))
def test_the_order_of_acceptance_matters_to_units_alone(
    bench: Workbench, seed: int, order: list[int]
) -> None:
    first = bench.profile(weeks(5, seed=seed))
    found = []
    for numbers in ([5, 6, 7], order):
        profile = first
        for number in numbers:
            batch = week(number, seed=seed)
            profile = merged(profile, bench.profile(batch, known=profile))
        found.append({n: line for n, line in lines(profile).items() if n[0] != "unit"})
    assert found[0] == found[1]


def test_what_is_accepted_is_natural_from_then_on(bench: Workbench, learnt: Profile) -> None:
    before = learnt
    strange = week(8).assign(
        city=lambda f: f["city"].where(f.index > 5, "nowhere"), score=lambda f: f["score"] * 4
    )
    assert bench.failed(suite(before), strange)
    after = merged(before, bench.profile(strange, known=before))
    assert bench.failed(renewed(suite(before), before, after), strange) == []


def test_a_column_that_is_new_is_accepted_with_the_batch_that_brings_it(
    bench: Workbench, learnt: Profile
) -> None:
    wider = week(8).assign(more=lambda f: f["distance"] + 1)
    after = merged(learnt, bench.profile(wider, known=learnt))
    new = renewed(suite(learnt), learnt, after)
    assert bench.failed(new, wider) == []
    with pytest.raises(SuiteRefused, match="more"):
        bench.failed(new, week(8))


def test_what_people_changed_in_the_suite_stays(bench: Workbench, learnt: Profile) -> None:
    before = learnt
    after = merged(before, bench.profile(week(8), known=before))
    content = suite(before)
    by_hand = {"type": "expect_column_to_exist", "kwargs": {"column": "city"}, "meta": {}}
    kept = [each for each in content["expectations"] if each["meta"]["check"] != "scale"]
    kept[0]["meta"]["severity"] = "warning"
    new = renewed({**content, "expectations": [*kept, by_hand]}, before, after)
    assert [each["meta"].get("check") for each in new["expectations"]] == [
        *(each["meta"]["check"] for each in kept),
        None,
    ]
    assert new["expectations"][0]["meta"]["severity"] == "warning"
    assert new["expectations"][-1] == by_hand
    assert new["meta"]["accepted_last"] == "w08"
