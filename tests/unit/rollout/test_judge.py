"""The verdict: valid at every look, quick with what is really worse, deaf to shared trouble."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from blocks.contracts import VariantTick
from tasks.rollout.judge import Judge
from tasks.rollout.verdict import Decision
from tests.unit.rollout.traffic import RULES, START, rollout, tick


def test_without_data_it_keeps_looking() -> None:
    judge = Judge(RULES)
    assert judge.verdict().decision is Decision.KEEP_LOOKING
    random = np.random.default_rng(1)
    for number in range(20):
        judge.add(tick(number, 100, random=random, variant="blue"), None)
        judge.add(None, tick(number, 100, random=random, errors=1.0))
    verdict = judge.verdict()
    assert verdict.decision is Decision.KEEP_LOOKING
    assert "nothing to compare" in verdict.explain()


@pytest.mark.parametrize(
    ("green", "blamed", "most"),
    [
        ({"errors": 0.05}, "errors", 400),
        ({"errors": 0.9}, "errors", 60),
        ({"slower": 1.5}, "latency", 600),
        ({"tail": 0.05}, "latency", 1200),
        ({"shift": 0.25}, "predictions", 900),
    ],
)
def test_what_is_worse_returns_soon_and_says_why(
    green: dict[str, Any], blamed: str, most: int
) -> None:
    for seed in range(5):
        verdict, exposed = rollout(seed, **green)
        assert verdict.decision is Decision.RETURN
        assert blamed in verdict.explain()
        assert exposed < most


def test_healthy_versions_are_seldom_returned_however_often_one_looks() -> None:
    """Alpha is 5 %; of 24 rollouts with 120 looks each, 6 or more would come once in 200."""
    returned = [rollout(seed)[0].decision is Decision.RETURN for seed in range(24)]
    assert sum(returned) < 6


def test_evidence_is_worth_at_most_one_on_average_whenever_one_stops() -> None:
    """Stopped at the first look where it is five or more, and cut off at a hundred.

    Shares move, an incident hits both, and what was won before says how closely it is looked.
    """
    found = []
    for seed in range(60):
        rules = RULES.model_copy(update={"alpha": 0.2})
        verdict, _ = rollout(seed + 500, ticks=60, rules=rules, incident=range(20, 30))
        found.append(min(verdict.evidence, 100.0))
    assert np.mean(found) <= 1 + 3 * np.std(found) / math.sqrt(len(found))


def test_a_shared_incident_blames_nobody() -> None:
    returned = [
        rollout(seed, incident=range(40, 80))[0].decision is Decision.RETURN for seed in range(8)
    ]
    assert sum(returned) < 4


def test_a_healthy_version_is_shown_not_to_be_worse() -> None:
    verdict, _ = rollout(3, ticks=240)
    assert verdict.decision is Decision.GO_ON
    assert verdict.certified == 1


def test_a_version_with_twice_the_errors_is_never_certified() -> None:
    rules = RULES.model_copy(update={"alpha": 1e-9})  # so that it is not returned first
    for seed in range(10):
        verdict, _ = rollout(seed, errors=0.02, rules=rules)
        assert verdict.decision is not Decision.GO_ON


def test_more_errors_are_never_less_evidence() -> None:
    found = []
    for errors in range(0, 50, 10):
        judge = Judge(RULES)
        random = np.random.default_rng(9)
        for number in range(10):
            blue = tick(number, 100, random=random, variant="blue", errors=0.01)
            green = tick(number, 100, random=random, errors=0.0)
            judge.add(blue, replace(green, errors=errors))
        found.append(judge.verdict().evidence)
    assert found == sorted(found)


def test_a_user_in_trouble_counts_once() -> None:
    """Sticky users: a hundred errors of one user are one event, as one error is."""

    def judged(errors: int) -> float:
        judge = Judge(RULES)
        for number in range(10):
            at = START + timedelta(seconds=5 * number)
            blue = VariantTick(variant="b", start=at, seconds=5, requests=1000, users=100)
            green = VariantTick(
                variant="g",
                start=at,
                seconds=5,
                requests=1000,
                users=100,
                errors=errors,
                erring_users=1,
            )
            judge.add(blue, green)
        return judge.verdict().evidence

    assert judged(1) == judged(100)


def test_predictions_that_blue_never_makes_are_told() -> None:
    random = np.random.default_rng(7)
    judge = Judge(RULES)
    for number in range(30):
        blue, green = (
            replace(
                tick(number, 100, random=random, variant=variant), predictions={"0": 50, other: 50}
            )
            for variant, other in (("blue", "100"), ("green", "50"))
        )
        judge.add(blue, green)
    verdict = judge.verdict()
    assert verdict.decision is Decision.RETURN
    assert "never made" in verdict.explain()


def test_copies_of_the_same_requests_that_fail_alike_blame_nobody() -> None:
    """In the shadow green answers copies: what is hard for blue is hard for green."""
    random, returned = np.random.default_rng(9), 0
    for _ in range(20):
        judge = Judge(RULES)
        for number in range(60):
            blue = tick(number, 250, random=random, variant="blue", errors=0.02)
            copied = int(random.hypergeometric(blue.errors, 250 - blue.errors, 125))
            green = replace(tick(number, 125, random=random), errors=copied)
            judge.add(blue, green)
        returned += judge.decision is Decision.RETURN
    assert returned < 5
