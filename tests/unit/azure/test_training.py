"""What only Azure does to jobs, and what training and batch make of it."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import BatchInference, Phase, RunKey, TrainingJobs
from blocks.providers.azure.emulator.launch import Subscription
from blocks.testing.scripts import COUNTS_ITS_STARTS
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")


def test_a_job_that_lost_its_machine_is_queued_until_there_is_another(
    bench: Any, jobs: TrainingJobs, emulator: Subscription
) -> None:
    """Azure sends no signal and queues the job again; it goes on from what was saved."""
    request = bench.training_request(script=COUNTS_ITS_STARTS).model_copy(update={"spot": True})
    ref = jobs.submit(request, key=KEY)
    until(lambda: "start 1" in [line.text for line in jobs.logs(ref)])
    emulator.pull("reclaim", job=ref.id, capacity=False)
    until(lambda: jobs.status(ref).phase is Phase.QUEUED)
    assert jobs.status(ref).interruptions == 1
    emulator.pull("capacity", job=ref.id, there=True)
    until(lambda: jobs.status(ref).phase.done)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.interruptions == 1


@pytest.mark.parametrize("work", ["training", "batch"])
def test_an_image_that_cannot_be_built_is_a_failure_that_no_other_attempt_mends(
    bench: Any, emulator: Subscription, work: str
) -> None:
    emulator.fault("image-build-failure")
    if work == "training":
        training = bench.connect(TrainingJobs)
        status = training.status(training.submit(bench.training_request(), key=KEY))
    else:
        batch = bench.connect(BatchInference)
        status = batch.status(batch.submit(bench.batch_request(20), key=KEY))
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert status.failure.code == "ImageBuildFailure"
