"""Latency: not judged while green is cold, judged by ranks, forgiven to who carries the load."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tasks.rollout.judge import Judge
from tasks.rollout.verdict import Decision, Verdict, VerdictRules
from tests.unit.rollout.traffic import RULES, rollout, tick


def test_while_it_warms_up_latency_is_not_judged_but_errors_are() -> None:
    rules = VerdictRules(warm_up=timedelta(seconds=90))
    cold, _ = rollout(2, ticks=18, rules=rules, slower=3.0)
    failing, _ = rollout(2, ticks=18, rules=rules, slower=3.0, errors=0.5)
    assert cold.decision is Decision.KEEP_LOOKING
    assert failing.decision is Decision.RETURN
    assert failing.worst.metric == "errors"


def test_a_version_that_was_warmed_up_before_is_judged_from_the_first_request_on() -> None:
    random = np.random.default_rng(3)
    judge = Judge(VerdictRules(warm_up=timedelta(seconds=90)), warmed=True)
    for number in range(6):
        judge.add(
            tick(number, 200, random=random, variant="blue"),
            tick(number, 50, random=random, slower=2.0),
        )
    assert judge.decision is Decision.RETURN


def test_where_all_answers_take_the_same_time_a_healthy_version_is_shown_not_to_be_worse() -> None:
    random, judge = np.random.default_rng(12), Judge(RULES)
    for number in range(60):
        pair = [tick(number, 100, random=random, errors=0, variant=name) for name in ("b", "g")]
        judge.add(*(replace(each, latency={60: 100}) for each in pair))
    assert judge.decision is Decision.GO_ON


@pytest.mark.parametrize(("impossible", "extreme"), [(-10_000, -150), (10_000, 300)])
def test_a_latency_that_there_cannot_be_is_the_least_or_the_most_of_its_own_variant(
    impossible: int, extreme: int
) -> None:
    def judged(bucket: int) -> Verdict:
        random, judge = np.random.default_rng(13), Judge(RULES)
        for number in range(20):
            pair = [tick(number, 100, random=random, variant=name) for name in ("b", "g")]
            judge.add(*(replace(each, latency={60: 90, bucket: 10}) for each in pair))
        return judge.verdict()

    assert judged(impossible) == judged(extreme)


def test_an_answer_under_a_millisecond_while_latency_is_not_judged_yet_is_remembered() -> None:
    random, judge = np.random.default_rng(14), Judge(VerdictRules(warm_up=timedelta(seconds=30)))
    for number in range(20):
        pair = [tick(number, 100, random=random, variant=name) for name in ("b", "g")]
        quick = {-60: 50, 40: 50}
        judge.add(*(replace(each, latency=quick) for each in pair))
    assert judge.decision is not Decision.RETURN


def test_whoever_carries_most_of_the_requests_may_be_a_little_slower_for_it() -> None:
    def judged(blue: int, green: int) -> Decision:
        random = np.random.default_rng(8)
        judge = Judge(RULES)
        for number in range(60):
            judge.add(
                tick(number, blue, random=random, variant="blue"),
                tick(number, green, random=random, slower=1.2),
            )
        return judge.decision

    assert judged(100, 100) is Decision.RETURN
    assert judged(20, 380) is not Decision.RETURN


@pytest.mark.parametrize("quicker", [75, 110, 200])
def test_latencies_are_judged_by_their_order_however_quick_all_of_them_are(quicker: int) -> None:
    """Answers under a millisecond come at the start, in the middle, or are all there is."""

    def judged(quicker: int) -> Verdict:
        random, judge = np.random.default_rng(15), Judge(RULES)
        for number in range(40):
            pair = []
            for variant, slower in (("blue", 0), ("green", 4)):
                each = tick(number, 100, random=random, variant=variant)
                spread = 10 if number < 20 else 40
                buckets = 120 + slower + random.integers(-spread, spread, 100) - quicker
                counted = zip(*np.unique(buckets, return_counts=True), strict=True)
                told = {int(bucket): int(count) for bucket, count in counted}
                pair.append(replace(each, latency=told))
            judge.add(*pair)
        return judge.verdict()

    assert judged(quicker) == judged(0)
    assert judged(0).worst.metric.startswith("latency")
