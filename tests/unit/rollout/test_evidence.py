"""The bets are fair: checked by exact sums over all draws, and by hypothesis."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tasks.rollout.batches import Floats
from tasks.rollout.cells import CELLS, Cells
from tasks.rollout.evidence import CHANCES, EFFECTS, FEW, FOUR, GENTLE, Certificate, Rarity, Stake
from tasks.rollout.purse import Purse
from tasks.rollout.ranks import EDGES, Ranks, scores
from tasks.rollout.ratios import Ratios
from tasks.rollout.shares import Shares
from tasks.rollout.verdict import VerdictRules

BINS = len(EDGES) + 1


def draws(total: int, green: int) -> list[tuple[int, ...]]:
    """Return every way in which so many of all requests can be green's."""
    return list(itertools.combinations(range(total), green))


def below(blue: Floats, green: Floats) -> Floats:
    """Return answers below each edge of the bins, 0 and all included."""
    return np.vstack([blue, green]).cumsum(axis=1) @ np.eye(BINS, BINS + 1, 1)


@settings(deadline=None, max_examples=40)
@given(
    places=st.lists(st.integers(0, BINS - 1), min_size=3, max_size=9),
    green=st.integers(1, 8),
)
def test_bets_on_ranks_win_nothing_on_average_if_green_is_a_random_draw(
    places: list[int], green: int
) -> None:
    green = min(green, len(places) - 1)
    ranks, won = Ranks(1.0), []
    for chosen in draws(len(places), green):
        mine = np.bincount([places[n] for n in chosen], minlength=BINS).astype(float)
        both = np.bincount(places, minlength=BINS).astype(float)
        won.append(np.exp(ranks.gains(below(both - mine, mine))))
    assert np.mean(won, axis=0).max() <= 1 + 1e-9


@settings(deadline=None, max_examples=40)
@given(
    total=st.integers(2, 10),
    green=st.integers(1, 9),
    events=st.integers(0, 10),
    margin=st.sampled_from([0.0, 0.05, 0.5]),
)
def test_bets_on_labels_win_nothing_on_average_if_green_is_a_random_draw(
    total: int, green: int, events: int, margin: float
) -> None:
    green, events = min(green, total - 1), min(events, total)
    for effect in (*EFFECTS, *GENTLE):
        won = []
        for chosen in draws(total, green):
            mine = sum(place < events for place in chosen)
            stake = Stake([1.0], [effect], 1 + margin)
            stake.place(1.0)
            stake.settle(mine, events - mine, green / (total - green))
            won.append(stake.money)
        assert np.mean(won) <= 1 + 1e-9


@settings(deadline=None, max_examples=20)
@given(
    places=st.lists(st.integers(0, CELLS - 1), min_size=3, max_size=8),
    green=st.integers(1, 7),
)
def test_bets_on_predictions_win_nothing_on_average_if_green_is_a_random_draw(
    places: list[int], green: int
) -> None:
    green, won = min(green, len(places) - 1), []
    for chosen in draws(len(places), green):
        mine = np.bincount([places[n] for n in chosen], minlength=CELLS)
        both = np.bincount(places, minlength=CELLS)
        cells = Cells(1.0, 1.0)
        cells.place(1.0)
        cells.settle((both - mine).tolist(), mine.tolist())
        won.append(cells.by_cell())
    assert np.mean(won, axis=0).max() * 2 * CELLS <= 1 + 1e-9


@given(green=st.integers(0, FEW + 5), odds=st.floats(0.02, 50))
def test_many_events_at_once_win_what_few_at_a_time_do(green: int, odds: float) -> None:
    both = FEW + 10
    at_once, by_one = (Stake([0.5, 0.5], (1.5, 4.0), 1.05) for _ in range(2))
    for stake in (at_once, by_one):
        stake.place(1.0)
    at_once.settle(green, both - green, odds)
    for number in range(both):
        by_one.settle(number < green, number >= green, odds)
    assert at_once.money == pytest.approx(by_one.money, rel=1e-6)


def test_the_scores_of_ranks_rise_so_that_slower_is_never_better_for_green() -> None:
    assert (np.diff(scores(), axis=1) >= 0).all()


@settings(deadline=None, max_examples=60)
@given(
    blue=st.lists(st.integers(0, 30), min_size=BINS, max_size=BINS),
    green=st.lists(st.integers(0, 2), min_size=BINS, max_size=BINS),
    place=st.integers(0, BINS - 2),
)
def test_a_slower_answer_of_green_never_speaks_for_it(
    blue: list[int], green: list[int], place: int
) -> None:
    """Judged among the same answers: exchanging a quick one of green's for a slow one of blue's."""
    mine, blues = np.array(green, float), np.array(blue, float)
    mine[place] += 1
    blues[place + 1] += 1
    worse, better = mine.copy(), blues.copy()
    worse[[place, place + 1]] += (-1, 1)
    better[[place, place + 1]] += (1, -1)
    ranks = Ranks(1.0)
    more, less = ranks.gains(below(better, worse)), ranks.gains(below(blues, mine))
    assert (np.array(more) >= np.array(less) - 1e-9).all()


def test_the_purse_is_one_before_anything_happens_and_however_long_nothing_does() -> None:
    purse = Purse(VerdictRules(outcomes={"sale": True}))
    for _ in range(500):
        assert purse.evidence == pytest.approx(1)
        purse.minute()


def test_a_regression_that_begins_late_is_found_although_much_was_lost_before() -> None:
    purse = Purse(VerdictRules())
    purse.settle_errors(0, 5000, 0.25)
    for _ in range(60):
        purse.minute()
    purse.settle_errors(20, 10, 0.25)
    assert purse.evidence > 20


def test_evidence_stays_a_number_whatever_happens() -> None:
    purse = Purse(VerdictRules())
    for _ in range(5):
        purse.settle_errors(100_000, 10, 0.05)
        purse.settle_errors(40, 0, 0.05)
        purse.settle_errors(0, 100_000, 1.0)
        assert math.isfinite(purse.evidence)


@settings(deadline=None, max_examples=40)
@given(
    events=st.integers(1, 40),
    odds=st.floats(0.02, 50),
    largest=st.floats(1.05, 5),
    beyond=st.floats(1, 10),
)
def test_a_certificate_wins_nothing_on_average_for_a_ratio_that_is_not_acceptable(
    events: int, odds: float, largest: float, beyond: float
) -> None:
    ratio, won = largest * beyond, []
    for green in range(events + 1):
        certificate = Certificate(largest=largest)
        certificate.settle(green, events - green, odds)
        won.append(math.exp(certificate.log_evidence()))
        assert 0 <= certificate.log_evidence() - certificate.at_least() + 1e-9 <= FOUR + 2e-9
    chances = binom.pmf(np.arange(events + 1), events, ratio * odds / (1 + ratio * odds))
    assert chances @ won <= 1 + 1e-9


@settings(deadline=None, max_examples=40)
@given(requests=st.integers(1, 60), limit=st.floats(0.001, 0.5), beyond=st.floats(1, 2))
def test_nothing_is_won_on_average_on_a_rate_that_is_not_harmless(
    requests: int, limit: float, beyond: float
) -> None:
    won = []
    for events in range(requests + 1):
        rarity = Rarity(limit)
        rarity.settle(events, requests)
        won.append(math.exp(rarity.log_evidence()))
        assert 0 <= rarity.log_evidence() - rarity.at_least() + 1e-9 <= FOUR + 2e-9
    assert binom.pmf(np.arange(requests + 1), requests, limit * beyond) @ won <= 1 + 1e-9


@settings(deadline=None, max_examples=40)
@given(
    green=st.integers(0, 2 * FEW),
    blue=st.integers(0, 2 * FEW),
    odds=st.floats(0.02, 50),
    margin=st.sampled_from([0.0, 0.05, 0.5]),
)
def test_one_more_event_of_green_never_speaks_for_it_and_one_of_blue_never_against(
    green: int, blue: int, odds: float, margin: float
) -> None:
    def money(mine: int, theirs: int) -> float:
        stake = Stake(CHANCES, EFFECTS, 1 + margin)
        stake.place(1.0)
        stake.settle(mine, theirs, odds)
        return stake.money

    assert money(green + 1, blue) >= money(green, blue) * (1 - 1e-9)
    assert money(green, blue + 1) <= money(green, blue) * (1 + 1e-9)


def test_a_certificate_is_seldom_given_at_the_largest_acceptable_ratio() -> None:
    random, given_at_last = np.random.default_rng(3), 0
    for _ in range(400):
        certificate, best = Certificate(largest=1.5), -math.inf
        for _ in range(60):
            green = int(random.binomial(200, 1.5 * 0.25 / (1.5 * 0.25 + 0.75)))
            certificate.settle(green, 200 - green, 0.25 / 0.75)
            best = max(best, certificate.log_evidence())
        given_at_last += best >= math.log(20)
    assert given_at_last <= 0.05 * 400 + 3 * math.sqrt(0.05 * 0.95 * 400)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_confidence_sequences_cover_the_true_ratio_at_all_times_together(ratio: float) -> None:
    random, missed = np.random.default_rng(4), 0
    for _ in range(200):
        ratios, out = Ratios([1]), False
        for share in (0.05, 0.25, 0.5, 0.95) * 10:
            odds = share / (1 - share)
            green = int(random.binomial(20, ratio * odds / (1 + ratio * odds)))
            ratios.add(0, [green], [20 - green], odds)
            _, low, high = ratios.intervals(alpha=0.05)
            out |= not 0.96 * low[0] <= ratio <= 1.04 * high[0]
        missed += out
    assert missed <= 0.05 * 200 + 3 * math.sqrt(0.05 * 0.95 * 200)


@settings(deadline=None, max_examples=40)
@given(requests=st.integers(1, 60), share=st.floats(0.01, 0.99))
def test_nothing_is_won_on_average_while_green_gets_the_share_that_it_should(
    requests: int, share: float
) -> None:
    won = []
    for green in range(requests + 1):
        shares = Shares()
        shares.settle(green, requests - green, share)
        won.append(math.exp(shares.log_evidence()))
    assert binom.pmf(np.arange(requests + 1), requests, share) @ won <= 1 + 1e-9


def test_a_share_that_is_not_the_one_asked_for_is_told() -> None:
    random = np.random.default_rng(5)
    right, wrong = Shares(), Shares()
    for _ in range(200):
        for shares, share in ((right, 0.05), (wrong, 0.06)):
            green = int(random.binomial(250, share))
            shares.settle(green, 250 - green, 0.05)
    assert right.mismatch() == ""
    assert "times the share of traffic that it should" in wrong.mismatch()
