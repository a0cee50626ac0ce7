"""Training jobs that many ask for at once, or that somebody asked for who died."""

from __future__ import annotations

import random
import time

import pytest

from blocks.contracts import Idempotency, Phase, RunKey, TrainingJobs
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd, stranger

CONTRACT = TrainingJobs


@pytest.fixture
def jobs(bench: Bench) -> TrainingJobs:
    return bench.connect(TrainingJobs)


def test_many_at_once_start_one_job(bench: Bench, jobs: TrainingJobs) -> None:
    """All at the same moment, again and again: whoever is first, the others join."""
    if jobs.features.idempotency is Idempotency.LISTED:
        pytest.skip("this provider says that two callers at once may both create")
    request = bench.training_request()
    for number in range(2):
        key = RunKey(run=f"run-{number}", step="train")
        with crowd(jobs, "submit", [((request,), {"key": key})] * 6) as strangers:
            refs = {each.told().id for each in strangers}
        ref = jobs.submit(request, key=key)
        assert refs == {ref.id}
        assert bench.created("training") == number + 1
        bench.succeed(ref)
        told = [line.text for line in jobs.logs(ref)]
        assert len(told) == len(set(told)), "two of them ran"
    assert bench.running() == []


def test_a_submitter_killed_at_any_moment_leaves_one_job(bench: Bench, jobs: TrainingJobs) -> None:
    """Whoever comes after it finds the job, or starts it; it runs once and to its end."""
    request, moments = bench.training_request(), random.Random(7)
    keys = [RunKey(run=f"run-{number}", step="train") for number in range(6)]
    for key in keys:
        dying = stranger(jobs, "submit", request, key=key)
        dying.calling()
        time.sleep(10 ** moments.uniform(-3, -0.5))  # seconds: clouds take longer to submit
        dying.kill()
    for number, key in enumerate(keys, start=1):
        ref = jobs.submit(request, key=key)
        bench.succeed(ref)
        assert bench.created("training") >= number
        assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == len(keys)
    assert bench.running() == []
