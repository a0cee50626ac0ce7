"""What a request for training may ask for: it is kept, or refused before anything starts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from blocks.contracts import Phase, RunKey, TrainingJobs, Unsupported
from blocks.testing.bench import Bench

CONTRACT = TrainingJobs
KEY = RunKey(run="run-1", step="train")


@pytest.fixture
def jobs(bench: Bench) -> TrainingJobs:
    return bench.connect(TrainingJobs)


def test_spot_is_kept_or_refused(bench: Bench, jobs: TrainingJobs) -> None:
    """A flag may lie neither way: on means it works, off means an early, typed no."""
    request = bench.training_request().model_copy(update={"spot": True})
    if not jobs.features.spot:
        with pytest.raises(Unsupported):
            jobs.submit(request, key=KEY)
        assert bench.created("training") == 0
        return
    bench.begin(ref := jobs.submit(request, key=KEY))
    assert bench.seen(ref)["spot"] is True
    usage = jobs.status(ref).usage
    assert usage is None or usage.spot
    bench.reclaim(ref)
    assert jobs.status(ref).phase is Phase.INTERRUPTED


def test_a_zone_is_kept_or_refused(bench: Bench, jobs: TrainingJobs) -> None:
    request = bench.training_request().model_copy(update={"zone": bench.zone() or "zone-1"})
    if jobs.features.zones:
        bench.begin(ref := jobs.submit(request, key=KEY))
        assert bench.seen(ref)["zone"] == bench.zone() != ""
        return
    with pytest.raises(Unsupported) as caught:
        jobs.submit(request, key=KEY)
    assert caught.value.code == "ZONE"
    assert bench.created("training") == 0


def test_several_nodes_are_kept_or_refused(bench: Bench, jobs: TrainingJobs) -> None:
    request = bench.training_request().model_copy(update={"nodes": 2})
    if jobs.features.multi_node:
        bench.begin(ref := jobs.submit(request, key=KEY))
        assert bench.seen(ref)["nodes"] == 2
        return
    with pytest.raises(Unsupported) as caught:
        jobs.submit(request, key=KEY)
    assert caught.value.code == "MULTI_NODE"
    assert bench.created("training") == 0


def test_the_longest_duration_is_kept_or_refused(bench: Bench, jobs: TrainingJobs) -> None:
    limit = jobs.features.max_duration
    asked = timedelta(days=365) if limit is None else limit + timedelta(seconds=1)
    request = bench.training_request().model_copy(update={"max_duration": asked})
    if limit is None:
        bench.begin(ref := jobs.submit(request, key=KEY))
        assert bench.seen(ref)["max_duration"] == asked
        return
    with pytest.raises(Unsupported) as caught:
        jobs.submit(request, key=KEY)
    assert caught.value.code == "MAX_DURATION"
    assert bench.created("training") == 0
