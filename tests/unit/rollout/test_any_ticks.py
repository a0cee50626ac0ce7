"""Whatever ticks the contract allows: they are judged without error, and by anyone alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.contracts import VariantTick, asked_in
from tasks.rollout.judge import Judge
from tasks.rollout.verdict import Decision, VerdictRules
from tests.unit.rollout.traffic import START

KINDS = ("0", "7", "99", "1.2e+03", "-4.5e-01", "nan", "inf", "yes", "(other)", "")
EVENTS = ("sale", "complaint", "odd")


def rules(random: Random) -> VerdictRules:
    return VerdictRules(
        margin=random.choice([0.0, 0.05]),
        predictions=random.random() < 0.8,
        outcomes=random.choice([{}, {"sale": True}, {"sale": True, "complaint": False}]),
        outcome_delay=random.choice([timedelta(0), timedelta(minutes=2)]),
        warm_up=random.choice([timedelta(0), timedelta(seconds=90)]),
    )


def some(random: Random, variant: str, at: float, seconds: float) -> VariantTick | None:
    """Return a tick, or none, that the contract allows: its counts need not fit each other."""
    if random.random() < 0.1:
        return None
    start = START + timedelta(seconds=at)

    def count() -> int:
        return random.choice([0, 1, random.randrange(20), random.randrange(100_000)])

    def bucket() -> int:
        return random.choice([random.randrange(40, 120), random.randrange(-400, 100_000)])

    def few() -> int:
        return random.choice([0, 0, 1, 2, 5])

    ago = [asked_in(start.timestamp() - random.randrange(900)) for _ in range(few())]
    return VariantTick(
        variant=variant,
        start=start,
        seconds=seconds,
        requests=count(),
        errors=count(),
        users=random.choice([0, count()]),
        erring_users=count(),
        erring=tuple(sorted({random.randrange(2**32) for _ in range(few())})),
        latency={bucket(): count() for _ in range(few())},
        predictions={random.choice(KINDS): count() for _ in range(few())},
        outcomes={random.choice(EVENTS): count() for _ in range(few())},
        asked={random.choice(EVENTS): {when: count() for when in ago}} if ago else {},
    )


def taken(random: Random) -> Sequence[tuple[VariantTick | None, VariantTick | None]]:
    """Return ticks of both, one after another, of one length."""
    seconds = random.choice([1.0, 5.0, 60.0])
    return [
        (
            some(random, "blue", number * seconds, seconds),
            some(random, "green", number * seconds, seconds),
        )
        for number in range(random.randrange(1, 40))
    ]


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_any_ticks_are_judged_and_by_anyone_alike(seed: int) -> None:
    random = Random(seed)
    what, warmed = rules(random), random.random() < 0.5
    looking, folding = Judge(what, warmed=warmed), Judge(what, warmed=warmed)
    for blue, green in taken(random):
        expected = random.choice([None, 0.0, 0.05, 0.5, 1.0])
        highest = random.choice([0.0, 0.0, 0.05, 0.95])
        looking.add(blue, green, expected=expected, highest=highest)
        folding.add(blue, green, expected=expected, highest=highest)
        told = looking.verdict()
        assert told.decision is folding.decision
        assert (told.evidence >= told.threshold) is (told.decision is Decision.RETURN)
        assert math.isfinite(told.evidence)
        assert told.explain()
    assert looking.verdict() == folding.verdict()
