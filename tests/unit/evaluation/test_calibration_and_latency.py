"""Calibration, latency and cost: what is told of a single model."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from blocks.testing.waiting import NEVER
from tasks.evaluation.calibration import calibration
from tasks.evaluation.latency import WARM_UP, measure


def test_scores_that_come_true_have_next_to_no_error() -> None:
    random = np.random.default_rng(0)
    scores = random.random(50_000)
    truth = (random.random(50_000) < scores).astype(int)
    assert calibration(truth, scores).error < 0.01


def test_scores_that_are_off_by_a_fifth_have_that_error() -> None:
    random = np.random.default_rng(0)
    scores = 0.2 + 0.6 * random.random(50_000)
    truth = (random.random(50_000) < scores - 0.2).astype(int)
    found = calibration(truth, scores)
    assert found.error == pytest.approx(0.2, abs=0.01)
    assert sum(each.rows for each in found.bins) == 50_000


def test_latency_asks_as_often_and_as_widely_as_it_says() -> None:
    asked, at_once, most = 0, 0, 0
    lock, all_here = threading.Lock(), threading.Barrier(4)

    def ask() -> None:
        nonlocal asked, at_once, most
        with lock:
            asked += 1
            at_once += 1
            most = max(most, at_once)
            measured = asked > WARM_UP
        if measured:
            all_here.wait(NEVER)
        with lock:
            at_once -= 1

    found = measure(ask, requests=40, concurrency=4, rows=3)
    assert (asked, most) == (40 + WARM_UP, 4)
    assert found.p50 <= found.p95 <= found.p99
    assert (found.requests, found.rows, found.concurrency) == (40, 3, 4)
