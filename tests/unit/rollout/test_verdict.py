"""The verdict: valid at every look, quick with what is really worse, deaf to shared trouble."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from blocks.contracts import VariantTick
from tasks.rollout.verdict import Decision, Judge, Verdict, VerdictRules

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = VerdictRules(warm_up=timedelta(0))


def tick(
    number: int,
    requests: int,
    *,
    random: np.random.Generator,
    variant: str = "green",
    errors: float = 0.005,
    slower: float = 1.0,
    tail: float = 0.0,
    shift: float = 0.0,
) -> VariantTick:
    """Return a tick of 5 s: errors, lognormal latencies with a tail, beta-distributed scores."""
    latency = 0.04 * slower * np.exp(0.5 * random.standard_normal(requests))
    latency[random.random(requests) < tail] *= 5
    buckets = np.floor(np.log(latency * 1000) / np.log(1.05)).astype(int)
    scores = np.clip(random.beta(2, 6, requests) + shift, 0, 0.999)
    return VariantTick(
        variant=variant,
        start=START + timedelta(seconds=5 * number),
        seconds=5,
        requests=requests,
        errors=int(random.binomial(requests, min(errors, 1.0))),
        latency={
            int(k): int(n) for k, n in zip(*np.unique(buckets, return_counts=True), strict=True)
        },
        predictions={
            str(k): int(n)
            for k, n in zip(*np.unique((scores * 100).astype(int), return_counts=True), strict=True)
        },
    )


def rollout(
    seed: int,
    *,
    ticks: int = 120,
    rules: VerdictRules = RULES,
    incident: range = range(0),
    **green: Any,
) -> tuple[Verdict, int]:
    """Roll out at 50 requests a second, 5 % then half; look at every tick; stop at a return."""
    random = np.random.default_rng(seed)
    judge, exposed = Judge(rules), 0
    verdict = judge.verdict()
    for number in range(ticks):
        share = 0.05 if number < ticks // 2 else 0.5
        total = int(random.poisson(250))
        to_green = int(random.binomial(total, share))
        trouble = 0.2 if number in incident else 0.0
        base: dict[str, Any] = {"errors": 0.005 + trouble}
        blue = tick(number, total - to_green, random=random, variant="blue", **base)
        mine = {**green, "errors": green.get("errors", 0.005) + trouble}
        judge.add(blue, tick(number, to_green, random=random, **mine))
        exposed += to_green
        verdict = judge.verdict()
        if verdict.decision is Decision.RETURN:
            break
    return verdict, exposed


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


def test_another_process_that_folds_the_same_ticks_knows_the_same() -> None:
    random = np.random.default_rng(5)
    pairs = [
        (tick(n, 100, random=random, variant="blue"), tick(n, 50, random=random)) for n in range(30)
    ]
    looking, folding = Judge(RULES), Judge(RULES)
    for blue, green in pairs:
        looking.add(blue, green)
        looking.verdict()
    for blue, green in pairs:
        folding.add(blue, green)
    assert looking.verdict() == folding.verdict()


def test_more_errors_are_never_less_evidence() -> None:
    found = []
    for errors in range(0, 50, 10):
        judge = Judge(RULES)
        random = np.random.default_rng(9)
        for number in range(10):
            blue = tick(number, 100, random=random, variant="blue", errors=0.01)
            green = tick(number, 100, random=random, errors=0.0)
            judge.add(blue, green.model_copy(update={"errors": errors}))
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
