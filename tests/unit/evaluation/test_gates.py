"""Gates: a worse model fails, a better one passes, too few rows say so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tasks.evaluation.delong import areas
from tasks.evaluation.gates import Answer, Sample, compare

STRICT = {"alpha": 0.05, "power": 0.8}


def sample(
    rows: int, *, champion: float, challenger: float, seed: int = 0, name: str = "all"
) -> Sample:
    """Return rows on which models with that much signal score; half of their noise is shared."""
    random = np.random.default_rng(seed)
    truth = (random.random(rows) < 0.3).astype(np.int64)
    shared = random.standard_normal(rows)
    scores = [
        signal * truth + 0.7 * shared + 0.7 * random.standard_normal(rows)
        for signal in (champion, challenger)
    ]
    return Sample(name=name, truth=truth, champion=scores[0], challenger=scores[1])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(30, 300), ties=st.booleans())
def test_areas_are_those_of_sklearn(seed: int, rows: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    truth = np.r_[[0, 0, 1, 1], random.integers(0, 2, rows)]
    scores = random.random((2, rows + 4)).round(1 if ties else 9)
    found, covariance = areas(truth, scores)
    assert found == pytest.approx([roc_auc_score(truth, row) for row in scores])
    assert (np.linalg.eigvalsh(covariance) >= -1e-12).all()


def test_a_clearly_worse_model_fails_and_a_better_one_passes() -> None:
    worse = compare([sample(5000, champion=1.5, challenger=0.5)], margin=0.01, **STRICT)
    better = compare([sample(5000, champion=0.5, challenger=1.5)], margin=0.01, **STRICT)
    assert worse[0].answer is Answer.FAIL
    assert better[0].answer is Answer.PASS


@pytest.mark.parametrize("labels", [[], [0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 1]])
def test_rows_without_both_classes_are_inconclusive(labels: list[int]) -> None:
    truth = np.array(labels, dtype=np.int64)
    scores = np.linspace(0, 1, len(truth))
    empty = Sample(name="empty", truth=truth, champion=scores, challenger=scores)
    (gate,) = compare([empty], margin=0.01, **STRICT)
    assert gate.answer is Answer.INCONCLUSIVE
    assert gate.difference is None


def test_a_few_rows_say_how_many_are_needed() -> None:
    small = compare([sample(200, champion=1, challenger=1)], margin=0.01, **STRICT)[0]
    large = compare([sample(20_000, champion=1, challenger=1)], margin=0.01, **STRICT)[0]
    assert small.answer is Answer.INCONCLUSIVE
    assert small.rows_needed is not None
    assert large.rows_needed is not None
    assert small.rows_needed > 200
    assert large.rows_needed == pytest.approx(small.rows_needed, rel=0.5)


def test_a_wider_margin_never_needs_more_rows() -> None:
    needed = [
        compare([sample(500, champion=1, challenger=1)], margin=margin, **STRICT)[0].rows_needed
        for margin in (0.005, 0.01, 0.02, 0.05)
    ]
    assert needed == sorted(needed, key=lambda rows: -(rows or 0))


def test_many_slices_of_an_equal_model_seldom_fail_together() -> None:
    """Holm: all of 20 slices together fail with a chance of at most alpha."""
    blocked = 0
    for seed in range(60):
        slices = [
            sample(300, champion=1, challenger=1, seed=100 * seed + number, name=str(number))
            for number in range(20)
        ]
        gates = compare(slices, margin=0.0, **STRICT)
        blocked += any(gate.answer is Answer.FAIL for gate in gates)
    assert blocked <= 9  # 3 are expected; more than 9 come once in a thousand


def test_a_truly_worse_slice_is_caught_among_good_ones() -> None:
    good = [sample(2000, champion=1, challenger=1.2, seed=n, name=f"good {n}") for n in range(15)]
    bad = sample(2000, champion=1.5, challenger=0.5, seed=99, name="bad")
    failed = [
        gate.name
        for gate in compare([*good, bad], margin=0.03, **STRICT)
        if gate.answer is Answer.FAIL
    ]
    assert failed == ["bad"]
