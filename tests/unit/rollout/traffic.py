"""Traffic of two variants, tick by tick, and a rollout that is judged at each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

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
