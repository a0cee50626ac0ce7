"""Looking: any process sees the same, shares that are not as asked for are told, little is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest

from blocks.contracts import (
    Monitor,
    MonitorFeatures,
    ObjectInfo,
    ProviderError,
    Sample,
    Unsupported,
    VariantTick,
    Window,
)
from tasks.rollout.looks import POINTS, Looks
from tasks.rollout.plot import draw
from tasks.rollout.verdict import Decision, VerdictRules

START = datetime(2026, 1, 1, tzinfo=UTC)


class Recorded(Monitor):
    """Ticks of an endpoint that were written down."""

    provider: ClassVar[str] = "recorded"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=5, captures=False, mirrored=True
    )

    def __init__(self, ticks: Sequence[VariantTick]) -> None:
        self._all = ticks

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        return [tick for tick in self._all if window.start <= tick.start < window.end]

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        return []

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        raise Unsupported("what is recorded stays as it is")

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        return []


def recorded(
    number: int, *, share: float, errors: float = 0.01, mirrored: bool = False
) -> Recorded:
    """Return so many ticks at 50 requests a second; a mirror copies, and blue answers all."""
    random, ticks = np.random.default_rng(number), []
    for at in range(number):
        total = int(random.poisson(250))
        green = int(random.binomial(total, share))
        for variant, count, rate, copies in (
            ("blue", total if mirrored else total - green, 0.01, False),
            ("green", green, errors, mirrored),
        ):
            ticks.append(
                VariantTick(
                    variant=variant,
                    start=START + timedelta(seconds=5 * at),
                    seconds=5,
                    mirrored=copies,
                    requests=count,
                    errors=int(random.binomial(count, rate)),
                    latency={60: count},
                )
            )
    return Recorded(ticks)


def looks(monitor: Monitor, *, mirrored: bool = False) -> Looks:
    return Looks(
        monitor,
        "e",
        VerdictRules(),
        blue="blue",
        green="green",
        start=START,
        mirrored=mirrored,
        every=timedelta(seconds=5),
    )


def test_whoever_takes_over_knows_what_the_one_before_knew() -> None:
    monitor = recorded(100, share=0.25)
    often, once = looks(monitor), looks(monitor)
    for tick in range(1, 101):
        last = often.again(START + timedelta(seconds=5 * tick), 25, since=START)
    assert once.again(START + timedelta(seconds=500), 25, since=START) == last
    assert once.verdict() == often.verdict()
    assert once.requests == often.requests > 0


@pytest.mark.parametrize(("percent", "told"), [(25, False), (20, True)])
def test_a_share_that_is_not_the_one_asked_for_is_told(percent: int, told: bool) -> None:
    looking = looks(recorded(100, share=0.25))
    looking.again(START + timedelta(seconds=500), percent, since=START)
    verdict = looking.verdict()
    assert ("times the share of traffic" in verdict.explain()) is told
    assert verdict.decision is not Decision.RETURN


def test_the_shadow_is_judged_by_its_copies_and_by_the_same_test() -> None:
    now = START + timedelta(seconds=500)
    fine = looks(recorded(100, share=0.5, mirrored=True), mirrored=True).again(now, 0)
    worse = looks(recorded(100, share=0.5, errors=0.05, mirrored=True), mirrored=True).again(now, 0)
    live = looks(recorded(100, share=0.5, errors=0.05, mirrored=True))
    assert fine is not Decision.RETURN
    assert worse is Decision.RETURN
    assert live.again(now, 0) is Decision.KEEP_LOOKING  # copies are no live requests
    assert live.verdict().green_requests == 0


def test_the_shadow_and_the_steps_spend_alpha_together() -> None:
    both = [looks(recorded(1, share=0.5), mirrored=mirrored) for mirrored in (True, False)]
    spent = [1 / looking.verdict().threshold for looking in both]
    assert sum(spent) == pytest.approx(VerdictRules().alpha)


def test_few_points_are_kept_and_drawn_however_long_it_lasts() -> None:
    looking = looks(recorded(700, share=0.5))
    for tick in range(1, 701):
        now = START + timedelta(seconds=5 * tick)
        looking.again(now, 50, since=START)
        assert looking.points[-1].at == now
    assert POINTS / 4 <= len(looking.points) <= POINTS
    assert looking.points[0].at == START + timedelta(seconds=5)
    assert draw(looking.points).startswith(b"\x89PNG")


def test_a_verdict_says_when_the_next_look_is() -> None:
    looking = looks(recorded(20, share=0.5))
    looking.again(START + timedelta(seconds=100), 50, since=START)
    assert "next look at 00:01:45 UTC" in looking.verdict().explain()
