"""A model of several outputs is compared by each of them, not by the first alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from blocks.contracts import VariantTick
from blocks.serving.answers import kept
from tasks.rollout.judge import Judge
from tasks.rollout.verdict import Decision, VerdictRules

START, SECOND = datetime(2026, 3, 1, tzinfo=UTC), timedelta(seconds=1)
REQUESTS = 40  # a second, of each


def ticks(variant: str, *, seed: int, later: float = 0.0) -> Iterator[VariantTick]:
    """Yield what a model of two quantities counts, of which the second one may be shifted."""
    random = np.random.default_rng(seed)
    for second in range(120):
        minutes = random.normal(20.0, 6.0, REQUESTS)
        rows = np.stack([minutes, 3 * minutes + later], axis=1).tolist()
        yield VariantTick(
            variant=variant,
            start=START + second * SECOND,
            seconds=1,
            requests=REQUESTS,
            latency={60: REQUESTS},
            predictions=Counter(map(str, kept(rows, REQUESTS).counted)),
        )


@pytest.mark.parametrize(("later", "returned"), [(0.0, False), (40.0, True)])
def test_a_shift_of_the_second_output_alone_is_returned(later: float, returned: bool) -> None:
    judge = Judge(VerdictRules(), warmed=True)
    decisions = set()
    for blue, green in zip(ticks("v1", seed=1), ticks("v2", seed=2, later=later), strict=True):
        judge.add(blue, green)
        decisions.add(judge.decision)
    assert (Decision.RETURN in decisions) is returned
    assert ("predictions" in judge.verdict().worst.metric) is returned
