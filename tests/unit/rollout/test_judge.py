"""The verdict: valid at every look, quick with what is really worse, deaf to shared trouble."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.contracts import VariantTick
from tasks.rollout.judge import Judge
from tasks.rollout.verdict import Decision, Verdict, VerdictRules

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


def split(whole: VariantTick) -> list[VariantTick]:
    """Return five ticks of a second that add up to one of five."""

    def part(counts: Mapping[Any, int], second: int) -> dict[Any, int]:
        shares = {key: (count + second) // 5 for key, count in counts.items()}
        return {key: count for key, count in shares.items() if count}

    return [
        whole.model_copy(
            update={
                "start": whole.start + timedelta(seconds=second),
                "seconds": 1,
                "requests": (whole.requests + second) // 5,
                "errors": (whole.errors + second) // 5,
                "latency": part(whole.latency, second),
                "predictions": part(whole.predictions, second),
            }
        )
        for second in range(5)
    ]


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000), order=st.permutations(range(5)))
def test_neither_the_length_of_ticks_nor_their_order_within_a_moment_matters(
    seed: int, order: list[int]
) -> None:
    random = np.random.default_rng(seed)
    coarse, fine = Judge(RULES), Judge(RULES)
    for number in range(12):
        blue = tick(number, 90, random=random, variant="blue")
        green = tick(number, 60, random=random, errors=0.05, slower=1.1)
        coarse.add(blue, green)
        blues, greens = split(blue), split(green)
        for second in range(5):  # the clock runs on; what is counted when is mixed
            at = {"start": blue.start + timedelta(seconds=second)}
            fine.add(
                blues[order[second]].model_copy(update=at),
                greens[order[second]].model_copy(update=at),
            )
    assert fine.verdict() == coarse.verdict()


def test_memory_does_not_grow_with_time_or_traffic() -> None:
    random = np.random.default_rng(6)
    judge = Judge(RULES)
    blues = [tick(0, 900, random=random, variant="blue") for _ in range(20)]
    greens = [tick(0, 300, random=random) for _ in range(20)]

    def go_on(first: int, last: int) -> int:
        for number in range(first, last):
            at = {"start": START + timedelta(seconds=5 * number)}
            judge.add(
                blues[number % 20].model_copy(update=at), greens[number % 20].model_copy(update=at)
            )
        return len(pickle.dumps(judge))

    early = go_on(0, 500)
    assert go_on(500, 2500) < 1.5 * early


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


@pytest.mark.parametrize(
    ("good", "rate", "blamed"), [(True, 0.02, "fewer sale"), (False, 0.1, "sale")]
)
def test_a_business_event_is_judged_by_what_is_good(good: bool, rate: float, blamed: str) -> None:
    random = np.random.default_rng(4)
    judge = Judge(RULES.model_copy(update={"outcomes": {"sale": good}}))
    for number in range(60):
        pair = [
            tick(number, 250, random=random, variant=variant).model_copy(
                update={"outcomes": {"sale": int(random.binomial(250, at))}}
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
            pair.append(each.model_copy(update={"outcomes": {"sale": int(sales[side, number])}}))
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
            told = {"outcomes": {"sale": sum(asked[number].values())}}
            pair.append(each.model_copy(update={**told, "asked": {"sale": asked[number]}}))
        judge.add(*pair)
        returned |= judge.decision is Decision.RETURN
    assert returned is (bought < 1)
    ratio = next(each for each in judge.verdict().findings if each.metric == "fewer sale")
    assert ratio.low <= 1 / bought <= ratio.high


def test_where_all_answers_take_the_same_time_a_healthy_version_is_shown_not_to_be_worse() -> None:
    random, judge = np.random.default_rng(12), Judge(RULES)
    for number in range(60):
        pair = [tick(number, 100, random=random, errors=0, variant=name) for name in ("b", "g")]
        judge.add(*(each.model_copy(update={"latency": {60: 100}}) for each in pair))
    assert judge.decision is Decision.GO_ON


@pytest.mark.parametrize(("impossible", "extreme"), [(-10_000, -150), (10_000, 300)])
def test_a_latency_that_there_cannot_be_is_the_least_or_the_most_of_its_own_variant(
    impossible: int, extreme: int
) -> None:
    def judged(bucket: int) -> Verdict:
        random, judge = np.random.default_rng(13), Judge(RULES)
        for number in range(20):
            pair = [tick(number, 100, random=random, variant=name) for name in ("b", "g")]
            judge.add(*(each.model_copy(update={"latency": {60: 90, bucket: 10}}) for each in pair))
        return judge.verdict()

    assert judged(impossible) == judged(extreme)


def test_predictions_that_blue_never_makes_are_told() -> None:
    random = np.random.default_rng(7)
    judge = Judge(RULES)
    for number in range(30):
        blue, green = (
            tick(number, 100, random=random, variant=variant).model_copy(
                update={"predictions": {"0": 50, other: 50}}
            )
            for variant, other in (("blue", "100"), ("green", "50"))
        )
        judge.add(blue, green)
    verdict = judge.verdict()
    assert verdict.decision is Decision.RETURN
    assert "never made" in verdict.explain()


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


def test_copies_of_the_same_requests_that_fail_alike_blame_nobody() -> None:
    """In the shadow green answers copies: what is hard for blue is hard for green."""
    random, returned = np.random.default_rng(9), 0
    for _ in range(20):
        judge = Judge(RULES)
        for number in range(60):
            blue = tick(number, 250, random=random, variant="blue", errors=0.02)
            copied = int(random.hypergeometric(blue.errors, 250 - blue.errors, 125))
            green = tick(number, 125, random=random).model_copy(update={"errors": copied})
            judge.add(blue, green)
        returned += judge.decision is Decision.RETURN
    assert returned < 5
