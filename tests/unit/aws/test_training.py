"""What only SageMaker does to training jobs, and what training makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import OperationRef, Phase, RunKey, TrainingJobs, Unsupported
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.training import SageMakerTraining

KEY = RunKey(run="run-1", step="train")


def submitted(bench: Any, jobs: TrainingJobs) -> OperationRef:
    """Return a spot job for which no machine is there."""
    bench.emulator.fault("capacity-error")
    ref = jobs.submit(bench.training_request().model_copy(update={"spot": True}), key=KEY)
    assert jobs.status(ref).phase is Phase.QUEUED
    return ref


def test_a_spot_job_waits_for_its_machine_and_then_runs(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    ref = submitted(bench, jobs)
    emulator.pull("capacity", job=ref.id, there=True)
    bench.succeed(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.usage is not None
    assert status.usage.billed_seconds is not None


def test_a_spot_job_that_waits_in_vain_is_interrupted(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    ref = submitted(bench, jobs)
    emulator.advance(3 * 24 * 3600)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == "MAX_WAIT"


def test_secrets_and_a_container_without_a_network_do_not_go_together(bench: Any) -> None:
    bench.keep_secret("api-key", "sesame")
    account = bench.account.model_copy(update={"network_isolation": True})
    jobs = SageMakerTraining(account=account)
    request = bench.training_request().model_copy(update={"secrets": {"API_KEY": "api-key"}})
    with pytest.raises(Unsupported) as caught:
        jobs.submit(request, key=KEY)
    assert caught.value.code == "NETWORK_ISOLATION"
    bench.succeed(jobs.submit(bench.training_request(), key=KEY))
