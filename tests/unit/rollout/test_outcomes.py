"""Business events: judged by what is good, and by the share of when their request was asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tasks.rollout.judge import Judge
from tasks.rollout.verdict import Decision
from tests.unit.rollout.traffic import RULES, START, tick


@pytest.mark.parametrize(
    ("good", "rate", "blamed"), [(True, 0.02, "fewer sale"), (False, 0.1, "sale")]
)
def test_a_business_event_is_judged_by_what_is_good(good: bool, rate: float, blamed: str) -> None:
    random = np.random.default_rng(4)
    judge = Judge(RULES.model_copy(update={"outcomes": {"sale": good}}))
    for number in range(60):
        pair = [
            replace(
                tick(number, 250, random=random, variant=variant),
                outcomes={"sale": int(random.binomial(250, at))},
            )
            for variant, at in (("blue", 0.05), ("green", rate))
        ]
        judge.add(*pair)
    verdict = judge.verdict()
    assert verdict.decision is Decision.RETURN
    assert verdict.worst.metric == blamed
    assert 1.5 < verdict.worst.ratio < 3.5


@pytest.mark.parametrize("bought", [1.0, 0.3])
def test_sales_that_come_minutes_after_the_request_blame_only_who_sells_less(bought: float) -> None:
    """Sales come in up to 4 minutes later: blue's of before the start, and of before more share."""
    random, delay = np.random.default_rng(11), timedelta(minutes=5)
    judge = Judge(RULES.model_copy(update={"outcomes": {"sale": True}, "outcome_delay": delay}))
    sales, returned = np.zeros((2, 340), int), False
    for number in range(-50, 280):
        share = 0.0 if number < 0 else 0.2 if number < 100 else 0.5
        green = int(random.binomial(250, share))
        pair = []
        for side, (requests, rate) in enumerate(((250 - green, 0.1), (green, 0.1 * bought))):
            late = random.integers(0, 48, random.binomial(requests, rate))
            np.add.at(sales[side], number + late, 1)
            if number < 0:
                continue
            each = tick(number, requests, random=random, variant=("blue", "green")[side])
            pair.append(replace(each, outcomes={"sale": int(sales[side, number])}))
        if pair:
            judge.add(*pair)
        returned |= judge.decision is Decision.RETURN
    assert returned is (bought < 1)


@pytest.mark.parametrize("bought", [1.0, 0.5])
def test_sales_that_tell_when_they_were_asked_for_need_no_delay_that_is_told(bought: float) -> None:
    """Shares rise three times; sales come up to 20 minutes later, on average after 5."""
    random, ticks = np.random.default_rng(14), 480
    judge = Judge(RULES.model_copy(update={"outcomes": {"sale": True}}))
    coming: list[list[dict[int, int]]] = [[{} for _ in range(ticks)] for _ in range(2)]
    returned = False
    for number in range(ticks):
        green = int(random.binomial(250, (0.05, 0.25, 0.5, 0.95)[number // 120]))
        at, pair = int(START.timestamp()) + 5 * number, []
        for side, (requests, rate) in enumerate(((250 - green, 0.1), (green, 0.1 * bought))):
            sold = random.binomial(requests, rate)
            for late in np.minimum(random.exponential(60, sold), 240).astype(int):
                if number + late < ticks:
                    then = coming[side][number + late]
                    then[at] = then.get(at, 0) + 1
            each, asked = tick(number, requests, random=random, variant="bg"[side]), coming[side]
            events = {"sale": sum(asked[number].values())}
            pair.append(replace(each, outcomes=events, asked={"sale": asked[number]}))
        judge.add(*pair)
        returned |= judge.decision is Decision.RETURN
    assert returned is (bought < 1)
    ratio = next(each for each in judge.verdict().findings if each.metric == "fewer sale")
    assert ratio.low <= 1 / bought <= ratio.high
